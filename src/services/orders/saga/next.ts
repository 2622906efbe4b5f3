import { backoffMs } from '#kernel/backoff'
import type { Saga, SagaData, StepResult } from './saga.ts'

/** What an attempt came to, `failed` being a thrown error. */
export type Attempt = StepResult | { kind: 'failed'; error: string }

/** Where a saga stands after an attempt. */
export type Progress = {
  state: 'running' | 'compensating' | 'done' | 'compensated'
  step: number
  attempt: number
  dueInMs: number
  data: SagaData
  lastError: string | null
  event: 'ran' | 'refused' | 'compensated' | null
}

const baseMs = 200
const maxMs = 30_000

/**
 * The engine's decisions, pure: where a saga goes after an attempt at its current step. Running goes up the table of
 * steps; a refusal turns it round, and compensating goes down from the step that was refused, which may have happened.
 */
export function next(
  saga: Pick<Saga, 'state' | 'step' | 'attempt' | 'data'>,
  steps: readonly { name: string; attemptsMax?: number }[],
  attempt: Attempt,
  random: number,
): Progress {
  const stay = { state: saga.state, step: saga.step, data: saga.data, lastError: null, event: null } as const
  switch (attempt.kind) {
    case 'done':
      return saga.state === 'running' ? forward(saga, steps.length) : backward(saga)
    case 'wait':
      return { ...stay, attempt: saga.attempt, dueInMs: attempt.ms }
    case 'refused':
      return turnRound(saga, steps, attempt.reason)
    case 'failed': {
      const max = steps[saga.step]?.attemptsMax
      if (saga.state === 'running' && max !== undefined && saga.attempt + 1 >= max)
        return turnRound(saga, steps, attempt.error)
      const dueInMs = Math.max(50, backoffMs(saga.attempt, random, baseMs, maxMs))
      return { ...stay, attempt: saga.attempt + 1, dueInMs, lastError: attempt.error }
    }
  }
}

/**
 * The saga at its first step with something to do on the way forward: nothing is written of those that it passes, and
 * whoever takes it over passes them again.
 */
export function atWork<S extends { state: string; step: number }>(
  saga: S,
  steps: readonly { run?: unknown }[],
): S {
  if (saga.state !== 'running') return saga
  const step = steps.findIndex(({ run }, i) => i >= saga.step && run !== undefined)
  return { ...saga, step }
}

type At = Pick<Saga, 'step' | 'data'>
const moved = { attempt: 0, dueInMs: 0, lastError: null } as const

function forward(saga: At, count: number): Progress {
  const step = saga.step + 1
  return { ...moved, state: step === count ? 'done' : 'running', step, data: saga.data, event: 'ran' }
}

function backward(saga: At): Progress {
  const state = saga.step === 0 ? 'compensated' : 'compensating'
  return { ...moved, state, step: Math.max(saga.step - 1, 0), data: saga.data, event: 'compensated' }
}

function turnRound(saga: At, steps: readonly { name: string }[], reason: string): Progress {
  const data = { ...saga.data, refusedAt: steps[saga.step]?.name ?? '', reason }
  return { ...moved, state: 'compensating', step: saga.step, data, event: 'refused' }
}
