import { randomFrom } from '../support/random-from.ts'

export type RandomInput = {
  number(below: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** Text that somebody careless or hostile would send. */
  text(): string
  /** Any JSON value. */
  value(depth?: number): unknown
  /** A copy of a JSON value with something in it changed, added or gone. */
  spoiled(value: unknown): unknown
}

const texts = [
  '',
  ' ',
  '0',
  '-1',
  'null',
  'true',
  'NaN',
  '1e309',
  '9'.repeat(30),
  '00000000-0000-0000-0000-000000000000',
  '9780141439518',
  '978-0-14-143951-8',
  '0141439513',
  '9780141439519',
  '2026-02-30',
  '2026-11-20T12:00:00Z',
  '+010000-01-01T00:00:00Z',
  '\0',
  '\u0007',
  '\u001b[31m',
  '\r\nx-injected: 1',
  '\ud800',
  '\udc00\ud800',
  '\ufeff',
  '\u202e',
  '🦉👩🏽‍🚀',
  '紫式部',
  "' OR 1=1 --",
  '"; DROP TABLE books; --',
  '$1',
  '%',
  '_',
  '\\',
  "a'b\\",
  ':* & !',
  '<script>',
  '{{7*7}}',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  'a'.repeat(300),
  'é'.repeat(5_000),
  'EUR',
  'ada@example.org',
] as const
const numbers = [0, -0, 1, -1, 0.5, 1e9, 2 ** 31, 2 ** 53, 2 ** 63, -(2 ** 63), 1e21, 1e308, -1e308] as const
const names = [
  '__proto__',
  'constructor',
  'toString',
  'isbn',
  'quantity',
  'price',
  'a b',
  '',
  '💥',
  '0',
  'length',
] as const
const depthMax = 3

export function randomInput(seed: number): RandomInput {
  const random = randomFrom(seed)
  const number = (below: number) => Math.floor(random() * below)
  const pick = <T>(from: readonly T[]): T => from[number(from.length)] as T
  const chance = (probability: number) => random() < probability
  const text = () => (chance(0.8) ? pick(texts) : pick(texts) + pick(texts))
  const value = (depth = 0): unknown => {
    const kind = number(depth >= depthMax ? 6 : 8)
    if (kind < 3) return text()
    if (kind === 3) return pick(numbers)
    if (kind < 6) return pick([null, true, false, [], {}])
    if (kind === 6) return Array.from({ length: number(4) }, () => value(depth + 1))
    return fromEntries(Array.from({ length: number(4) }, () => [pick(names), value(depth + 1)]))
  }
  const spoiled = (given: unknown): unknown => {
    if (given === null || typeof given !== 'object' || chance(0.15)) return value()
    if (Array.isArray(given)) {
      if (given.length === 0 || chance(0.2)) return [...given, value()]
      const at = number(given.length)
      return chance(0.2) ? given.toSpliced(at, 1) : given.with(at, spoiled(given[at]))
    }
    const entries = Object.entries(given)
    if (entries.length === 0 || chance(0.15)) return fromEntries([...entries, [pick(names), value()]])
    const at = number(entries.length)
    const [name = '', old] = entries[at] ?? []
    return fromEntries(chance(0.15) ? entries.toSpliced(at, 1) : entries.with(at, [name, spoiled(old)]))
  }
  return { number, chance, pick, text, value, spoiled }
}

/** As `Object.fromEntries`, where `__proto__` is a field as any other. */
function fromEntries(entries: [string, unknown][]): object {
  const object = {}
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  return object
}
