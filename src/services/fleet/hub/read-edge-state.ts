import type { EdgeCluster, EdgeState } from '#services/edge'

/** A revision or a turn that nobody can have come to: what follows it would be no whole number soon. */
const numberMax = 2 ** 50
const clustersMax = 1_000
const counts = [
  ...['weight', 'inFlight', 'streams', 'requests', 'failed', 'rerouted', 'behind', 'trips', 'downs'],
  ...['ordersTaken', 'ordersFailed', 'ordersSlow'],
]
const flags = ['isUp', 'isMixed', 'isProbed', 'isCutOff', 'isSlow', 'takesWrites']

/** @returns undefined for what no edge says: whoever answers so is none, or cannot be relied on */
export function readEdgeState(value: unknown): EdgeState | undefined {
  const { instance, revision, epoch, clusters } = fieldsOf(value)
  const isOne =
    typeof instance === 'string' &&
    isCount(revision) &&
    isCount(epoch) &&
    Array.isArray(clusters) &&
    clusters.length <= clustersMax &&
    clusters.every(isCluster)
  return isOne ? (value as EdgeState) : undefined
}

function isCluster(value: unknown): value is EdgeCluster {
  const fields = fieldsOf(value)
  const { name, version } = fields
  return (
    typeof name === 'string' &&
    (version === undefined || typeof version === 'string') &&
    counts.every((each) => isCount(fields[each])) &&
    flags.every((each) => typeof fields[each] === 'boolean')
  )
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= numberMax

const fieldsOf = (value: unknown) => (value ?? {}) as Record<string, unknown>
