import { isTraced, noteSpan, nowMs, roleMeter, secondsBuckets } from '#ports/telemetry'
import type { Member, WishOutcome } from './member.ts'

const meter = roleMeter('coordinator')

const outcomes = meter.counter('octavo_reservations_total', 'What became of orders that were asked for.', [
  'outcome',
])
/** Every outcome there is stands at nought from the start, so that its first time shows. */
for (const outcome of ['placed', 'replayed', 'key-reused', 'out-of-stock', 'customer-limit', 'failed'])
  outcomes.add(0, outcome)
const size = meter.histogram(
  'octavo_group_size',
  'Members of a group.',
  [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
)
const phase = meter.histogram('octavo_group_phase_seconds', 'Phases of a group.', secondsBuckets, ['phase'])
const ends = meter.counter('octavo_groups_total', 'How groups ended.', ['end'])

/** Titles are looked up, stock is prepared, orders and decision are committed, stock is committed. */
export type Phase = 'look-up' | 'prepare' | 'decide' | 'commit'

export function groupBegins(members: number): void {
  size.observe(members)
}

export function groupEnds(end: 'nothing' | 'committed' | 'fenced' | 'refused' | 'unknown'): void {
  ends.add(1, end)
}

/** How long a phase of a group takes. */
export async function timed<T>(name: Phase, work: Promise<T>): Promise<T> {
  const startedMs = performance.now()
  try {
    return await work
  } finally {
    phase.observe((performance.now() - startedMs) / 1000, name)
  }
}

/** One order that was asked for has its answer. */
export function noteOutcome(outcome: WishOutcome | Error): void {
  if (outcome instanceof Error) outcomes.add(1, 'failed')
  else if (outcome.kind === 'stock') outcomes.add(1, outcome.answer.kind)
  else outcomes.add(1, outcome.kind)
}

/** Members that a group's span names; a rush has more, and each of them names the group. */
const linksMax = 128

/** A group is a trace of its own that its orders are linked with, both ways. */
export function traceGroup(transactionId: string, members: readonly Member[]): void {
  if (!isTraced(transactionId) && !members.some(isTracedMember)) return
  const orders = members.map(({ wish }) => orderOf(wish)).filter((id) => id !== undefined)
  const at = { startMs: nowMs(), endMs: nowMs(), role: 'coordinator' }
  const links = orders.slice(0, linksMax)
  const attributes = { 'octavo.group.size': members.length, 'octavo.transaction.id': transactionId }
  noteSpan({ ...at, of: transactionId, isTransaction: true, isFirst: true, name: 'group', links, attributes })
  // An order that is being placed may yet be refused and never be: orders links those that it commits.
  for (const { wish } of members)
    if (wish.kind === 'settle')
      noteSpan({ ...at, of: wish.settlement.orderId, name: 'rides in a group', links: [transactionId] })
}

const isTracedMember = ({ wish }: Member) => wish.kind === 'settle' && isTraced(wish.settlement.orderId)

function orderOf(wish: Member['wish']): string | undefined {
  if (wish.kind === 'place') return wish.draft.id
  return wish.kind === 'settle' ? wish.settlement.orderId : undefined
}
