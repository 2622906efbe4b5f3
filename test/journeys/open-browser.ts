import type { TestContext } from 'node:test'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

export type Visit = {
  context: BrowserContext
  page: Page
  /** What went wrong in the pages so far: errors, and requests that left the store. */
  complaints: string[]
}

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run']

/** A fresh browser with nothing stored. It closes with the test. */
export async function openBrowser(t: TestContext, storeUrl: string): Promise<Visit> {
  const browser = await chromium.launch({ executablePath, args })
  t.after(() => browser.close())
  const context = await browser.newContext({
    baseURL: storeUrl,
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
  })
  const complaints: string[] = []
  context.on('weberror', (error) => complaints.push(String(error.error())))
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== storeUrl) complaints.push(`asked ${origin}`)
  })
  // What a page's policy forbids does nothing and is told on the console alone.
  context.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text())
  })
  return { context, page: await context.newPage(), complaints }
}
