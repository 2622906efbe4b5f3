import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until `condition` holds, for what takes its own time, such as an alert.
 * @param saw says what there was instead
 * @throws AssertionError when it does not hold within `ms`
 */
export async function within(
  ms: number,
  condition: () => boolean | Promise<boolean>,
  saw: () => string | Promise<string> = () => '',
): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline)
      assert.fail(`not within ${ms} ms: ${condition}\nthere is ${await saw()}`)
    await sleep(200)
  }
}
