import type { DuckDBDateValue, DuckDBTimestampValue, DuckDBValueConverter, Json } from '@duckdb/node-api'
import type { loadEngine } from '../store/duck.ts'

/**
 * How a value is shown in JSON, so that nothing of it is lost: a number where it is exact, else its digits as text; a day and
 * a moment in ISO 8601, the latter as exact as it is; bytes in hexadecimal digits.
 */
export function cellConverter({
  DuckDBTypeId: id,
  JsonDuckDBValueConverter: asJson,
}: Awaited<ReturnType<typeof loadEngine>>): DuckDBValueConverter<Json> {
  const whole = new Set([id.BIGINT, id.UBIGINT, id.HUGEINT, id.UHUGEINT, id.BIGNUM])
  const microsIn = new Map([
    [id.TIMESTAMP, (n: bigint) => n],
    [id.TIMESTAMP_TZ, (n: bigint) => n],
    [id.TIMESTAMP_S, (n: bigint) => n * 1_000_000n],
    [id.TIMESTAMP_MS, (n: bigint) => n * 1_000n],
    [id.TIMESTAMP_NS, (n: bigint) => (n - remainder(n, 1_000n)) / 1_000n],
  ])
  return (value, type, converter) => {
    const { typeId } = type
    if (value === null) return null
    if (whole.has(typeId)) return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    if (typeId === id.DECIMAL) {
      const text = String(value)
      return text.replace(/\D/g, '').length <= exactDigits ? Number(text) : text
    }
    if (typeId === id.BLOB) return Buffer.from((value as { bytes: Uint8Array }).bytes).toString('hex')
    const toMicros = microsIn.get(typeId)
    if (toMicros === undefined && typeId !== id.DATE) return asJson(value, type, converter)
    const [n = 0] = Object.values(value as DuckDBDateValue | DuckDBTimestampValue)
    if (infinite.has(String(n))) return n > 0 ? 'infinity' : '-infinity'
    return (toMicros && momentText(toMicros(BigInt(n)))) ?? String(value)
  }
}

/** As the engine keeps them: the furthest days and moments. */
const infinite = new Set([2n ** 31n - 1n, 2n ** 63n - 1n].flatMap((n) => [`${n}`, `-${n}`]))

/** What a double is sure to give back. Source: IEEE 754. */
const exactDigits = 15

const remainder = (n: bigint, of: bigint) => ((n % of) + of) % of

/** @returns undefined for what JavaScript's calendar does not reach */
function momentText(micros: bigint): string | undefined {
  const rest = remainder(micros, 1_000n)
  const date = new Date(Number((micros - rest) / 1_000n))
  if (Number.isNaN(date.getTime())) return undefined
  return rest === 0n
    ? date.toISOString()
    : date.toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
