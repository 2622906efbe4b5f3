import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { type Store, startStore } from '../support/whole-store.ts'
import { openBrowser } from './open-browser.ts'

const freeEdition = { title: 'Ozymandias', typed: 'ozymandas' }
const pricedEdition = { title: 'The Raven', typed: 'the raven poe' }
const declinedCard = '4000 0000 0000 0002'
const goodCard = '4242 4242 4242 4242'

test('a limited edition goes from the search field over the counter, once', async (t) => {
  const store = await startStore(t, 'on')
  const { page, context, complaints } = await openBrowser(t, store.url)
  let code = ''

  await t.test('a book that is opened while more are on their way stays open', () => openWhileLoading(page))
  await t.test('a free copy, found with a typo, becomes a voucher without a reload', async () => {
    await reserve(page, freeEdition)
    code = await voucherAppears(page)
    await downloadIsPdf(page)
  })
  await t.test('its code can be copied, where the browser lets pages copy', () =>
    copyCode(context, page, code),
  )
  await t.test('a priced copy is held, declined, paid and becomes a voucher without a reload', async () => {
    const left = await reserve(page, pricedEdition)
    await pay(page)
    await voucherAppears(page)
    await copiesWentDown(page, pricedEdition, left)
  })
  await t.test('copies that others take are read out on an open book page', () =>
    hearOfOthers(page, freeEdition),
  )
  await t.test('a reader over the limit is told so, and nothing is taken', () =>
    meetTheLimit(page, pricedEdition),
  )
  await t.test('a bookseller redeems the code, and a second time is refused', () =>
    redeemTwice(page, store, code),
  )
  await t.test('no page failed or asked anybody else', () => assert.deepEqual(complaints, []))
})

async function openWhileLoading(page: Page): Promise<void> {
  const nextPage = /\/api\/books\?.*cursor=/
  // Never answered while the list is open.
  await page.route(nextPage, () => undefined)
  await page.goto('/shop/')
  await page.getByTestId('more').click()
  await page.getByTestId('book-card').first().click()
  await page.getByTestId('book-title').waitFor()
  await page.waitForTimeout(500)
  assert.match(page.url(), /\/shop\/books\/\d{13}$/)
  await page.unroute(nextPage)
}

/** @returns how many copies the page showed before */
async function reserve(page: Page, { title, typed }: typeof freeEdition): Promise<number> {
  await openBook(page, title, typed)
  const left = await copiesShown(page)
  await page.getByTestId('reserve').click()
  await page.getByLabel('Name', { exact: true }).fill('Ada Byron')
  await page.getByLabel('Email', { exact: true }).fill('ada@example.org')
  // Twice, as an impatient reader does: it has to be one order.
  await page.getByTestId('place-order').dblclick()
  await page.waitForURL(/\/shop\/orders\/[\w-]+$/)
  await page.getByTestId('order-status').waitFor()
  await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }))
  return left
}

async function openBook(page: Page, title: string, typed: string): Promise<void> {
  await page.goto('/shop/')
  await page.getByTestId('book-card').first().waitFor()
  await page
    .getByRole('textbox', { name: /search books/i })
    .first()
    .fill(typed)
  await page.waitForURL(/[?&]q=/)
  await page.getByTestId('books').getByRole('link', { name: title, exact: true }).click()
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
}

async function pay(page: Page): Promise<void> {
  await page.getByRole('timer').waitFor()
  await page.getByLabel('Card number').fill(declinedCard)
  await page.getByTestId('pay').click()
  await page.getByTestId('declined').waitFor()
  await page.getByLabel('Card number').fill(goodCard)
  await page.getByTestId('pay').click()
}

/** @returns its code */
async function voucherAppears(page: Page): Promise<string> {
  await page.locator('[data-testid=order-status][data-status=confirmed]').waitFor()
  const code = (await page.getByTestId('voucher-code').textContent())?.trim() ?? ''
  assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}$/)
  assert.equal(await page.getByTestId('voucher').count(), 1, 'one copy, one voucher')
  assert.equal(await page.evaluate(() => 'isSamePage' in globalThis), true, 'the page was not loaded again')
  return code
}

async function downloadIsPdf(page: Page): Promise<void> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download').click()])
  const bytes = readFileSync(await download.path())
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-')
  assert.ok(bytes.length > 2000, `a PDF of ${bytes.length} bytes`)
}

async function copyCode(context: BrowserContext, page: Page, code: string): Promise<void> {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const button = { name: 'Copy the code' }
  await page.getByRole('button', button).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), code)
  const plain = await context.newPage()
  await plain.addInitScript('delete Navigator.prototype.clipboard')
  await plain.goto(page.url())
  await plain.getByTestId('voucher').waitFor()
  assert.equal(await plain.getByRole('button', button).count(), 0)
  await plain.close()
}

const copiesShown = async (page: Page) =>
  Number(await page.getByTestId('availability').getAttribute('data-available'))

async function copiesWentDown(
  page: Page,
  { title, typed }: typeof freeEdition,
  before: number,
): Promise<void> {
  await openBook(page, title, typed)
  await page.locator(`[data-testid=availability][data-available="${before - 1}"]`).waitFor()
}

async function hearOfOthers(page: Page, { title, typed }: typeof freeEdition): Promise<void> {
  await openBook(page, title, typed)
  const left = await copiesShown(page)
  // Screen readers read out what changes inside an element, not one that comes new.
  const status = page.getByTestId('availability').getByRole('status')
  await status.evaluate((element) => element.setAttribute('data-since', 'before'))
  const isbn = page.url().split('/').at(-1)
  const reply = await page.request.post('/api/orders', {
    headers: { 'idempotency-key': crypto.randomUUID() },
    data: {
      customer: { name: 'Grace Hopper', email: 'grace@example.org' },
      lines: [{ isbn, quantity: 1 }],
    },
  })
  assert.equal(reply.status(), 201, await reply.text())
  await page.locator('[data-since=before]', { hasText: `${left - 1} copies left` }).waitFor()
}

async function meetTheLimit(page: Page, { title, typed }: typeof freeEdition): Promise<void> {
  await openBook(page, title, typed)
  const left = await copiesShown(page)
  await page.getByTestId('reserve').click()
  await page.getByTestId('place-order').click()
  await page.locator('[data-testid=refusal][data-kind=customer-limit]').waitFor()
  await openBook(page, title, typed)
  assert.equal(await copiesShown(page), left)
}

async function redeemTwice(page: Page, { staff }: Store, code: string): Promise<void> {
  await page.goto('/console/')
  await page.getByLabel('Email').fill(staff.email)
  await page.getByLabel('Password', { exact: true }).fill(staff.password)
  await page.getByRole('button', { name: 'Log in' }).click()
  const field = page.getByLabel('Voucher code')
  // As people type: small letters, no hyphens.
  await field.fill(code.toLowerCase().replaceAll('-', ''))
  await field.press('Enter')
  await page.getByTestId('redeem').click()
  await page.getByRole('heading', { name: 'Redeemed', exact: true }).waitFor()
  await field.fill(code)
  await field.press('Enter')
  await page.getByRole('heading', { name: 'Already redeemed' }).waitFor()
  assert.equal(await page.getByTestId('redeem').count(), 0)
}
