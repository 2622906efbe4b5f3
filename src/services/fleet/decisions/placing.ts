import { missingApproval } from './admission.ts'
import { type ClusterSpec, type FleetMemory, type FleetSpec, freshCluster, type Seen } from './model.ts'

/** A cluster gets a further one beside it before it is full. */
const fillMax = 0.7
/** Fewer clusters have to be enough for so long before one is given back, so that a wave of readers moves nothing. */
const giveBackMs = 10 * 60_000
/** A cluster that has been down for so long is replaced; until then it may come back by itself. */
export const replaceAfterMs = 30_000
/** One that was replaced and is back has to stay so long before its replacement is let go, so that one that flaps moves nobody. */
export const restMs = 60_000

/**
 * How many clusters the demand asks for: more at once, fewer only after a while.
 * @param able those that can take it, in the order in which they would have work
 */
export function wantedCount(
  { clustersMin, clusters }: Pick<FleetSpec, 'clustersMin' | 'clusters'>,
  able: readonly ClusterSpec[],
  demand: number | undefined,
  before: FleetMemory['wanted'],
  nowMs: number,
): FleetMemory['wanted'] {
  const count = Math.max(clustersMin, Math.min(before.count, clusters.length))
  if (demand === undefined) return { count, lessSinceMs: undefined }
  const needed = Math.max(clustersMin, clustersFor(demand, able))
  if (needed > count) return { count: needed, lessSinceMs: undefined }
  if (needed === count) return { count, lessSinceMs: undefined }
  const lessSinceMs = before.lessSinceMs ?? nowMs
  if (nowMs - lessSinceMs < giveBackMs) return { count, lessSinceMs }
  return { count: count - 1, lessSinceMs: undefined }
}

function clustersFor(demand: number, clusters: readonly ClusterSpec[]): number {
  let left = demand
  let count = 0
  for (const { capacity } of clusters) {
    if (left <= 0) break
    left -= capacity * fillMax
    count++
  }
  return count
}

/** Clusters that can have work, in the order in which they get it, and those that have some and are lost. */
export type Candidates = { able: readonly ClusterSpec[]; lost: readonly ClusterSpec[] }

/**
 * Those that have work stay, so that nothing moves that need not; further ones come in the order of their rings. One that
 * is lost, or does not become ready, counts no more, and is kept in case it comes back.
 */
export function candidates(spec: FleetSpec, seen: Seen, memory: FleetMemory, nowMs: number): Candidates {
  const state = (name: string) => memory.clusters[name]
  // What serves goes on where the hub has not let it in yet, or not any more: that is no reason to take its readers.
  const members = byRing(spec.clusters).filter(
    ({ name, intent }) =>
      intent === 'serve' &&
      (seen.clusters.get(name)?.registration === 'accepted' || state(name)?.phase === 'serving'),
  )
  const isLost = (name: string) => {
    const { downSinceMs, restsUntilMs = 0 } = state(name) ?? freshCluster
    return (downSinceMs !== undefined && nowMs - downSinceMs >= replaceAfterMs) || nowMs < restsUntilMs
  }
  const has = ({ name }: ClusterSpec) => ['joining', 'serving'].includes(state(name)?.phase ?? 'out')
  const well = members.filter(({ name }) => !isLost(name))
  const further = inDecidedOrder(
    well.filter(
      (each) =>
        !has(each) &&
        missingApproval(each) === undefined &&
        seen.clusters.get(each.name)?.isAvailable === true,
    ),
    seen.decided ?? [],
  )
  const lost = members.filter((each) => isLost(each.name) && has(each))
  return { able: [...well.filter(has), ...further], lost }
}

/** The clusters that should have work. */
export const chosen = ({ able, lost }: Candidates, count: number): ReadonlySet<string> =>
  new Set([...able.slice(0, count), ...lost].map(({ name }) => name))

/** Whom OCM's scheduler has chosen comes first, in its order; it takes nobody out, for what it says may be empty or old. */
function inDecidedOrder(clusters: readonly ClusterSpec[], decided: readonly string[]): ClusterSpec[] {
  const place = ({ name }: ClusterSpec) => (decided.includes(name) ? decided.indexOf(name) : decided.length)
  return clusters.toSorted((a, b) => place(a) - place(b))
}

export const byRing = (clusters: readonly ClusterSpec[]): ClusterSpec[] =>
  [...clusters].sort((a, b) => a.ring - b.ring || (a.name < b.name ? -1 : 1))
