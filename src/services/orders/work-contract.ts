import { defineRoute, internal, staff } from '#kernel/contract'
import { ClearLetters, LettersCleared, QueueState } from '#kernel/queue-state'
import { closed, Nullable, Uuid } from '#kernel/schemas'
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

export const clearDeadLetters = defineRoute({
  method: 'POST',
  path: '/api/queues/{queue}/dead-letters',
  tag: 'System',
  access: staff('operator'),
  params: Type.Object({ queue: Type.String({ maxLength: 100 }) }, closed),
  body: ClearLetters,
  reply: LettersCleared,
  summary: 'Give messages that a queue gave up on back to it, or throw them away',
  also: { 404: 'There is no such queue.' },
})
