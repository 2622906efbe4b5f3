import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

type Stop = { name: string; isSeen: boolean; isMarked: boolean }

const tabsMax = 150

/**
 * Presses Tab until what is in focus has this name. Every stop on the way has to be in view and to show its focus. The
 * page has to have `lookAtPage`.
 */
export async function tabTo(page: Page, name: RegExp): Promise<void> {
  const passed: string[] = []
  for (let presses = 0; presses < tabsMax; presses++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate<Stop>('look.focused()')
    assert.ok(stop.isSeen, `“${stop.name}” is in focus and out of sight`)
    assert.ok(stop.isMarked, `“${stop.name}” does not show that it is in focus`)
    if (name.test(stop.name)) return
    passed.push(stop.name)
  }
  assert.fail(`no way by Tab to ${name}; passed ${passed.join(', ')}`)
}
