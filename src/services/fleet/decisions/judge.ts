import type { OrderCounts, RolloutSpec, SeenCluster } from './model.ts'

export type Judgement = { kind: 'bad'; why: string } | { kind: 'good' } | { kind: 'open' }

/** A version that nobody orders from is not held up for ever. */
const quietSoaks = 5
/** So few orders say nothing of a share of failures while more may come; then one of them may be chance, and two are not. */
const ordersTelling = 20
const failedByChance = 1

/**
 * Judges a cluster's new version by what matters to the shop: whether orders are accepted, how soon, and whether its
 * checks find anything wrong. Whether its processes run says nothing of that.
 */
export function judge(
  { edge, alarms }: Pick<SeenCluster, 'edge' | 'alarms'>,
  base: OrderCounts,
  soakedMs: number,
  limits: RolloutSpec,
): Judgement {
  if (alarms !== undefined && alarms.length > 0) return { kind: 'bad', why: alarms.join(', ') }
  if (edge === undefined) return { kind: 'open' }
  const since = (what: keyof OrderCounts) => Math.max(0, edge.orders[what] - base[what])
  const [taken, failed, slow] = [since('taken'), since('failed'), since('slow')]
  const orders = taken + failed
  const percent = (n: number) => (100 * n) / Math.max(1, orders)
  const hasFailed = percent(failed) > limits.failedPercentMax
  const failure: Judgement = { kind: 'bad', why: `${failed} of ${orders} orders failed` }
  if (orders >= ordersTelling && hasFailed) return failure
  if (orders >= ordersTelling && percent(slow) > limits.slowPercentMax)
    return { kind: 'bad', why: `${slow} of ${orders} orders took longer than a second` }
  const isEnough = orders >= limits.ordersMin || soakedMs >= quietSoaks * limits.soakMs
  // What its checks would find is not nothing because nobody can read it.
  const isKnown = alarms !== undefined
  if (soakedMs < limits.soakMs || !isEnough || !isKnown) return { kind: 'open' }
  return failed > failedByChance && hasFailed ? failure : { kind: 'good' }
}
