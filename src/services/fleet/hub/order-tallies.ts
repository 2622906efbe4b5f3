import type { EdgeState } from '#services/edge'
import type { OrderCounts } from '../decisions/model.ts'

const none: OrderCounts = { taken: 0, failed: 0, slow: 0 }

/** What one edge has counted of one cluster, over all its starts that were heard of. */
type Tally = { total: OrderCounts; last: OrderCounts; instance: string; perSecond: number | undefined }
type OfEdge = { atMs: number; clusters: ReadonlyMap<string, Tally> }

export type OrderTallies = {
  /** An edge has answered. */
  note(url: string, state: EdgeState, atMs: number): void
  /** What these edges have counted of a cluster; one that is silent is not taken to have counted nothing. */
  of(urls: readonly string[], cluster: string): OrderCounts
  /** Orders a second by cluster, as the edges that answered counted them; nothing of one that answered only once. */
  rates(answering: readonly string[]): ReadonlyMap<string, number>
}

/**
 * Adds up what edges count. Each counts since its own start, so sums of whoever happens to answer jump up and down; these
 * only rise, and a rate is of the time since that edge answered last.
 */
export function orderTallies(): OrderTallies {
  const edges = new Map<string, OfEdge>()
  return {
    note(url, { instance, clusters }, atMs) {
      const before = edges.get(url)
      const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000
      const tallies = clusters.map((each): [string, Tally] => {
        const counts = { taken: each.ordersTaken, failed: each.ordersFailed, slow: each.ordersSlow }
        return [each.name, tallied(before?.clusters.get(each.name), counts, instance, seconds)]
      })
      // One that has left the picture may come back.
      const left = [...(before?.clusters ?? [])].map(([name, each]): [string, Tally] => [
        name,
        { ...each, perSecond: undefined },
      ])
      edges.set(url, { atMs, clusters: new Map([...left, ...tallies]) })
    },
    of: (urls, cluster) =>
      urls
        .map((url) => edges.get(url)?.clusters.get(cluster)?.total ?? none)
        .reduce((a, b) => sumOf(a, b), none),
    rates(answering) {
      const rates = new Map<string, number>()
      for (const url of answering)
        for (const [name, { perSecond }] of edges.get(url)?.clusters ?? [])
          if (perSecond !== undefined) rates.set(name, (rates.get(name) ?? 0) + perSecond)
      return rates
    },
  }
}

function tallied(before: Tally | undefined, last: OrderCounts, instance: string, seconds: number): Tally {
  if (before === undefined || seconds <= 0)
    return { total: before?.total ?? last, last: before?.last ?? last, instance, perSecond: undefined }
  // Counts begin anew with an edge, and with a cluster that has left its picture and is back.
  const isAnew =
    before.instance !== instance ||
    (['taken', 'failed', 'slow'] as const).some((what) => last[what] < before.last[what])
  const gained = isAnew ? last : sumOf(last, before.last, -1)
  const perSecond = (gained.taken + gained.failed) / seconds
  return { total: sumOf(before.total, gained), last, instance, perSecond }
}

const sumOf = (a: OrderCounts, b: OrderCounts, sign = 1): OrderCounts => ({
  taken: a.taken + sign * b.taken,
  failed: a.failed + sign * b.failed,
  slow: a.slow + sign * b.slow,
})
