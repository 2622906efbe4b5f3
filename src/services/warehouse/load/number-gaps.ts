import type { NumberGap } from '../store/manifest.ts'

/** What could still come under a number that was passed over is of a transaction that ended long before this. */
const closedAfterMs = 35 * 60_000
const gapsMax = 20_000
/** A row that is this old and has a higher number was written after whatever could still come has begun. */
export const finalAfterMs = 120 * 60_000

/**
 * Numbers of an append-only table are given out before their rows are committed, and not in that order. So the numbers
 * that were passed over are remembered, and looked at again until nothing can come under them any more.
 * @param seen numbers that were read now, in ascending order
 * @param now `final`: a number up to which nothing new can come, of which no gap is begun
 */
export function gapsAfter(
  before: { max: number; open: readonly NumberGap[] },
  seen: readonly number[],
  now: { ms: number; mayClose: boolean; final?: number },
): { max: number; open: NumberGap[] } {
  const open: NumberGap[] = []
  const old = before.open.filter(({ sinceMs }) => !(now.mayClose && now.ms - sinceMs > closedAfterMs))
  let i = 0
  for (const gap of old) {
    let from = gap.from
    for (; i < seen.length && (seen[i] as number) <= gap.to; i++) {
      const n = seen[i] as number
      if (n < from) continue
      if (n > from) open.push({ ...gap, from, to: n - 1 })
      from = n + 1
    }
    if (from <= gap.to) open.push({ ...gap, from })
  }
  let max = before.max
  for (const n of seen) {
    if (n <= max) continue
    if (n > max + 1 && n > (now.final ?? 0)) open.push({ from: max + 1, to: n - 1, sinceMs: now.ms })
    max = n
  }
  return { max, open: atMost(gapsMax, open) }
}

/** Neighbours become one gap when there are too many: what was seen between them is then read once more. */
function atMost(count: number, gaps: NumberGap[]): NumberGap[] {
  if (gaps.length <= count) return gaps
  const pairs = gaps.flatMap((gap, i) => {
    const next = gaps[i + 1] ?? gap
    return i % 2 === 0 ? [{ from: gap.from, to: next.to, sinceMs: Math.max(gap.sinceMs, next.sinceMs) }] : []
  })
  return atMost(count, pairs)
}
