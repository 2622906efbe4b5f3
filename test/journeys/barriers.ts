import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** For a context's `addInitScript`; see it for what it tells. */
export const lookAtPage = join(import.meta.dirname, 'look-at-page.js')
export const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } }
/** The narrowest phone, and tablets. */
const widthsBetween = [320, 768, 1024]
/** A function, for it is evaluated once: the pages' policy lets nobody evaluate text again later. */
export const isQuiet = '() => look.isQuiet()'

/** What keeps people from using the page as it is now, in both sizes and both themes; none when all is well. */
export async function barriersOn(page: Page): Promise<string[]> {
  await page.evaluate(axeSource)
  const found: string[] = []
  for (const [name, size] of Object.entries(sizes)) {
    await page.setViewportSize(size)
    for (const theme of ['light', 'dark']) {
      // Only colours differ between the themes.
      const options: RunOptions = theme === 'dark' ? { runOnly: ['color-contrast'] } : {}
      const results = await page.evaluate<string[]>(`look.barriers('${theme}', ${JSON.stringify(options)})`)
      found.push(...results.map((result) => `(${name}, ${theme}): ${result}`))
      const beyondPx = await page.evaluate<number>('look.beyondPx()')
      if (beyondPx > 0) found.push(`(${name}): ${beyondPx} px wider than the window`)
    }
  }
  for (const width of widthsBetween) {
    await page.setViewportSize({ width, height: sizes.phone.height })
    const beyondPx = await page.evaluate<number>('look.beyondPx()')
    if (beyondPx > 0) found.push(`(at ${width} px): ${beyondPx} px wider than the window`)
  }
  await page.setViewportSize(sizes.desktop)
  return found
}
