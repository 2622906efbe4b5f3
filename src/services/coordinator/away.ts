import { type Problem, unavailable } from '#kernel/problem'

/** Nobody can say what became of a request; its key finds out. */
export function away(cause?: Error): Problem {
  const problem = unavailable(
    'A part of the shop did not answer in time. Try again with the same Idempotency-Key.',
  )
  if (cause !== undefined) problem.cause = cause
  return problem
}
