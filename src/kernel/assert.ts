/** A broken assumption inside Octavo itself: a bug, never a user's mistake. */
export class AssertionError extends Error {
  override name = 'AssertionError'
}

/** Stays on in production. @throws AssertionError when `condition` does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Makes the compiler prove that a union was handled in full. */
export function unreachable(value: never, what = 'value'): never {
  throw new AssertionError(`unexpected ${what}: ${JSON.stringify(value)}`)
}
