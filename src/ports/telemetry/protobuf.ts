import { type Distribution, type Family, fineSchema, type Point } from './family.ts'

export const protobufType =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

/** Whether who asks so takes families one after the other, each behind its length. */
export const takesProtobuf = (accept: string) =>
  accept.includes('application/vnd.google.protobuf') && /encoding\s*=\s*delimited/.test(accept)

const types = { counter: 0, gauge: 1, histogram: 4 } as const
/** Below this a native histogram counts an observation as nought. */
const zeroThreshold = 2 ** -128

/**
 * The form in which Prometheus takes native histograms, with the buckets of the text format beside them. Source:
 * metrics.proto of prometheus/client_model 0.6; the field numbers are from there.
 */
export function protobufOf(families: Iterable<Family>): Buffer {
  const messages = [...families].flatMap(({ name, help, type, points }) => {
    const metrics = points().map((point) => message(4, metricOf(type, point)))
    return metrics.length === 0 ? [] : [[text(1, name), text(2, help), whole(3, types[type]), ...metrics]]
  })
  return Buffer.concat(messages.flatMap((parts) => delimited(Buffer.concat(parts))))
}

function metricOf(type: Family['type'], { labels, values, value }: Point): Buffer[] {
  const pairs = labels.map((label, i) => message(1, [text(1, label), text(2, values[i] ?? '')]))
  if (typeof value !== 'number') return [...pairs, message(7, histogramOf(value))]
  return [...pairs, message(type === 'counter' ? 3 : 2, [double(1, value)])]
}

function histogramOf({ count, sum, limits, counts, zeros, fine }: Distribution): Buffer[] {
  let below = 0
  const buckets = limits.map((limit, i) => {
    below += counts[i] ?? 0
    return message(3, [whole(1, below), double(2, limit)])
  })
  return [
    ...[whole(1, count), double(2, sum), ...buckets],
    ...[whole(5, zigzag(fineSchema)), double(6, zeroThreshold), whole(7, zeros)],
    ...nativeBuckets(fine),
  ]
}

/** Runs of buckets without a gap, and what each bucket has more than the one before. */
function nativeBuckets(fine: ReadonlyMap<number, number>): Buffer[] {
  const runs: { offset: number; length: number }[] = []
  const deltas: number[] = []
  let [next, before] = [0, 0]
  for (const [bucket, count] of [...fine].sort(([a], [b]) => a - b)) {
    const run = runs.at(-1)
    if (run !== undefined && bucket === next) run.length++
    else runs.push({ offset: bucket - next, length: 1 })
    deltas.push(count - before)
    next = bucket + 1
    before = count
  }
  const spans = runs.map(({ offset, length }) => message(12, [whole(1, zigzag(offset)), whole(2, length)]))
  return [...spans, message(13, deltas.map(zigzag).map(varint))]
}

// Source: Protocol Buffers, encoding. Field numbers here are below 16, so that a tag is one byte.

const whole = (field: number, n: number) => Buffer.concat([varint(field * 8), varint(n)])
const text = (field: number, value: string) => message(field, [Buffer.from(value)])

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = field * 8 + 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}

function message(field: number, parts: readonly Buffer[]): Buffer {
  return Buffer.concat([varint(field * 8 + 2), ...delimited(Buffer.concat(parts))])
}

const delimited = (bytes: Buffer) => [varint(bytes.length), bytes]

/** @param n up to 2 ** 53, so without operators on bits */
function varint(n: number): Buffer {
  const bytes: number[] = []
  let rest = n
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

/** Whole numbers of either sign as ones that are not below 0, small where those are. */
const zigzag = (n: number) => (n < 0 ? -2 * n - 1 : 2 * n)
