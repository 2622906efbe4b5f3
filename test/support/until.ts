import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Generous, so that a busy machine is no failure. */
const usualLimitMs = 20_000

/**
 * Waits until `condition` holds.
 * @param what says what was waited for
 * @param limitMs for what takes longer than anything else, such as the start of several servers
 * @throws AssertionError when it does not hold within twenty seconds or that limit, or whatever `condition` throws
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = String(condition),
  limitMs = usualLimitMs,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not within ${limitMs} ms: ${what}`)
    await sleep(5)
  }
}
