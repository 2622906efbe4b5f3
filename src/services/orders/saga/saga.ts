import type { Statements } from '#ports/database'
import type { Context } from '../context.ts'

/** What one attempt at a step came to. A thrown error is none of these: the step is tried again. */
export type StepResult =
  | { kind: 'done' }
  /** Nothing is wrong, but something else must happen first; look again after `ms` or when woken. */
  | { kind: 'wait'; ms: number }
  /** It will never succeed: what was done before is undone. */
  | { kind: 'refused'; reason: string }

export type Saga = {
  id: string
  orderId: string
  definition: string
  state: 'running' | 'compensating'
  step: number
  attempt: number
  data: SagaData
  /** As it was when the saga was claimed. */
  dueAt: Date
  fence: number
}

/** What the steps need and leave for each other. */
export type SagaData = { paymentToken?: string; refusedAt?: string; reason?: string }

/**
 * One step, for many sagas at a time. The remote part runs first, with the saga's id as its idempotency key; the local
 * part is one transaction with the journal and the saga's own progress, and only for sagas whose fence still holds.
 */
export type Step = {
  name: string
  /** Attempts after which a step that keeps failing counts as refused; without it, for ever. */
  attemptsMax?: number
  /** Absent where there is nothing to do on the way forward: then nothing is written of it either, until the next step. */
  run?(context: Context, saga: Saga): Promise<StepResult>
  /** The local effect of `done`. */
  apply?(tx: Statements, sagas: readonly Saga[], context: Context): Promise<void>
  /** Undoes the step, whether or not it ever ran; tried for ever. */
  compensate?(context: Context, saga: Saga): Promise<void>
  applyCompensation?(tx: Statements, sagas: readonly Saga[], context: Context): Promise<void>
}

export type SagaDefinition = { name: string; steps: readonly Step[] }
