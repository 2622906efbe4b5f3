import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startStore } from '../support/whole-store.ts'
import { openBrowser } from './open-browser.ts'

test('a tab that was open while the shop got a new build goes on, and does not load for ever', async (t) => {
  const store = await startStore(t, 'on')
  const { page, context } = await openBrowser(t, store.url)
  let loads = 0
  page.on('request', (request) => {
    if (request.isNavigationRequest()) loads++
  })

  await t.test('it is loaded anew at the page it was going to', async () => {
    await page.goto('/shop/')
    await page.getByTestId('book-card').first().waitFor()
    // The part is gone for the page that is open, and there for the one that comes.
    await context.route(/\/assets\/book-page-.*\.js$/, (route) =>
      loads === 1 ? route.fulfill({ status: 404 }) : route.continue(),
    )
    await page.getByTestId('book-card').first().click()
    await page.getByTestId('book-title').waitFor()
    assert.match(page.url(), /\/shop\/books\/\d{13}$/)
    assert.equal(loads, 2)
  })

  await t.test('what a second load would not mend leaves the page that is there', async () => {
    await context.route(/\/assets\/cart-page-.*\.js$/, (route) => route.fulfill({ status: 404 }))
    const answered = page.waitForResponse((response) => response.request().method() === 'HEAD')
    await page.getByTestId('cart-link').click()
    await answered
    await page.waitForTimeout(500)
    await page.getByTestId('book-title').waitFor()
    assert.equal(loads, 2)
  })
})
