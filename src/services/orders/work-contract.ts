import { defineRoute, internal } from '#kernel/contract'
import { QueueState } from '#kernel/queue-state'
import { Nullable, Uuid } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'

/** A saga at work, as operators see it: no customer's data is in it. */
export const SagaState = Type.Object(
  {
    orderId: Uuid,
    definition: Type.String(),
    step: Type.String(),
    state: Type.Union([Type.Literal('running'), Type.Literal('compensating')]),
    attempt: Type.Integer(),
    ageSeconds: Type.Integer({ description: 'since it last got on' }),
    error: Nullable(Type.String()),
  },
  { $id: 'SagaState' },
)
export type SagaState = Static<typeof SagaState>

export const getOrderWork = defineRoute({
  method: 'GET',
  path: '/internal/work',
  tag: 'Internal',
  access: internal,
  reply: Type.Object({
    sagas: Type.Integer(),
    undoing: Type.Integer(),
    oldestSagaSeconds: Type.Integer(),
    newsWaiting: Type.Integer(),
    queues: Type.Array(QueueState),
    oldest: Type.Array(SagaState),
  }),
  summary: 'Sagas at work and news not sent, for operators',
})
