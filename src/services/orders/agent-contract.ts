import { defineRoute, internal } from '#kernel/contract'
import { closed, Timestamp, Uuid } from '#kernel/schemas'
import { Type } from '#kernel/type'
import type { Settlement } from './group-commit.ts'
import type { Order } from './order-schemas.ts'

// The last agent of two-phase commit: its local commit carries the orders and the decision.

export type GroupOutcome =
  | { kind: 'committed' }
  /** Somebody decided this transaction before. */
  | { kind: 'fenced' }
  /** Some order's key or customer limit ran into a row that was not known; look them up and try again without. */
  | { kind: 'conflict' }
  /** These settlements do not fit their order: it is `already` there, or has gone another way (`stale`). */
  | { kind: 'refused'; orders: { orderId: string; reason: 'already' | 'stale' }[] }

const byTransaction = Type.Object({ id: Uuid }, closed)

export const commitGroupRoute = defineRoute({
  method: 'POST',
  path: '/internal/decisions/{id}/commit',
  tag: 'Internal',
  access: internal,
  params: byTransaction,
  bytes: true,
  body: Type.Unsafe<Uint8Array>({}),
  reply: Type.Unsafe<GroupOutcome>({}),
  summary: 'Commit a group of orders together with its decision',
})
export const recordDecision = defineRoute({
  method: 'POST',
  path: '/internal/decisions/{id}/record',
  tag: 'Internal',
  access: internal,
  params: byTransaction,
  body: Type.Object({ participants: Type.Array(Type.String()) }),
  reply: Type.Object({ outcome: Type.Union([Type.Literal('recorded'), Type.Literal('fenced')]) }),
  summary: 'Record a decision that carries no orders',
})
export const resolveDecision = defineRoute({
  method: 'POST',
  path: '/internal/decisions/{id}/resolve',
  tag: 'Internal',
  access: internal,
  params: byTransaction,
  reply: Type.Object({ decision: Type.Union([Type.Literal('committed'), Type.Literal('aborted')]) }),
  summary: 'What was decided; aborts for good what was not',
})
export const pruneDecisions = defineRoute({
  method: 'POST',
  path: '/internal/decisions/prune',
  tag: 'Internal',
  access: internal,
  body: Type.Object({ before: Timestamp }),
  reply: Type.Object({ pruned: Type.Integer() }),
  summary: 'Forget decisions that every participant has followed',
})

export type LookUp = {
  keys: string[]
  limits: { isbn: string; customer: string }[]
  /** Settlements whose copies were not there. */
  settlements?: Settlement[]
}
export type LookedUp = {
  /** Orders of known keys, with the hash of the body they came with. */
  known: { keyHash: string; bodyHash: string; tokenHash?: string; order: Order }[]
  /** Copies that customers hold or have bought. */
  bought: { isbn: string; customer: string; quantity: number }[]
  /** How each settlement asked about stands to its order. */
  verdicts?: { orderId: string; verdict: 'fits' | 'already' | 'stale' }[]
}
export const lookUpOrders = defineRoute({
  method: 'POST',
  path: '/internal/orders/look-up',
  tag: 'Internal',
  access: internal,
  body: Type.Unsafe<LookUp>({ type: 'object' }),
  reply: Type.Unsafe<LookedUp>({}),
  summary: 'Orders by idempotency key, what customers have of limited titles, how settlements stand',
})
