import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Generous, so that a busy machine is no failure. */
const limitMs = 20_000

/**
 * Waits until `condition` holds.
 * @param what says what was waited for
 * @throws AssertionError when it does not hold within twenty seconds, or whatever `condition` throws
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = String(condition),
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not within ${limitMs} ms: ${what}`)
    await sleep(5)
  }
}
