import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

const lookMs = { min: 5, max: 50 }
/** Generous, so that a busy machine is no failure. */
const usualLimitMs = 20_000

/**
 * Waits until `condition` holds.
 * @param what says what was waited for, by then or in the end
 * @param limitMs for what takes longer than anything else, such as the start of several servers
 * @throws AssertionError when it does not hold within twenty seconds or that limit, or whatever `condition` throws
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string) = String(condition),
  limitMs = usualLimitMs,
): Promise<void> {
  const beganMs = performance.now()
  while (!(await condition())) {
    const waitedMs = performance.now() - beganMs
    if (waitedMs >= limitMs)
      assert.fail(`not within ${limitMs} ms: ${typeof what === 'string' ? what : what()}`)
    // The longer it takes, the more seldom it is looked: looking takes the time of what is waited for.
    await sleep(Math.min(lookMs.max, Math.max(lookMs.min, waitedMs / 20)))
  }
}
