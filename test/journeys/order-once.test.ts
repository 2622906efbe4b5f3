import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { BookList, Order } from '#services/gateway'
import { startStore } from '../support/whole-store.ts'
import { openBrowser } from './open-browser.ts'

test('an order exists once, whatever happens on the way, and refusals say what is left', async (t) => {
  const store = await startStore(t, 'on')
  const { page, context } = await openBrowser(t, store.url)
  const [book] = await scarceBooks(page)
  assert.ok(book, 'the sample catalogue has a title with few copies')
  const { available } = book.availability

  await t.test('an order whose answers are lost is finished after a reload, as the same order', async () => {
    const keys: string[] = []
    let isCut = true
    await context.route('**/api/orders', async (route) => {
      keys.push((await route.request().allHeaders())['idempotency-key'] ?? '')
      // The order reaches the store; only its answer is lost.
      const response = await route.fetch()
      await (isCut ? route.abort() : route.fulfill({ response }))
    })
    await fillCheckout(page, book.isbn, 'ada@example.org')
    await page.getByTestId('place-order').click()
    await page.getByText('Next try in').waitFor({ state: 'attached' })
    await page.reload()
    await page.getByRole('heading', { name: 'One order is still open' }).waitFor()
    isCut = false
    await page.getByRole('button', { name: 'Finish that order' }).click()
    await page.getByTestId('order-status').waitFor()
    await context.unroute('**/api/orders')
    assert.ok(keys.length >= 2, 'it was sent more than once')
    assert.equal(new Set(keys).size, 1, 'always with the same key')
    assert.equal(await copiesLeft(page, book.isbn), available - 1)
  })

  await t.test('the full link opens the order elsewhere, and the token leaves the address bar', async () => {
    const address = page.url()
    const token = await page.evaluate(
      () => JSON.parse(localStorage.getItem('octavo-orders') ?? '[]')[0].token,
    )
    const elsewhere = await openBrowser(t, store.url)
    await elsewhere.page.goto(address)
    await elsewhere.page.getByText('We cannot show this order here').waitFor()
    await elsewhere.page.goto(`${address}#token=${token}`)
    await elsewhere.page.getByTestId('order-status').waitFor()
    assert.equal(elsewhere.page.url(), address)
    await elsewhere.page.goto('/shop/')
    const asked = elsewhere.page.waitForResponse((response) => response.status() === 404)
    await elsewhere.page.goto(`${address}#token=wrong`)
    await asked
    await elsewhere.page.reload()
    await elsewhere.page.getByTestId('order-status').waitFor()
  })

  await t.test('the stock of an open book page follows other readers', async () => {
    await page.goto(`/shop/books/${book.isbn}`)
    await page.locator(`[data-available="${available - 1}"]`).waitFor()
    await orderByApi(page, book.isbn, 1)
    await page.locator(`[data-available="${available - 2}"]`).waitFor()
  })

  await t.test('who wants more than is left is told how much, and can take it', async () => {
    const left = available - 2
    await fillCheckout(page, book.isbn, 'grace@example.org', left)
    await orderByApi(page, book.isbn, 1)
    await page.getByTestId('place-order').click()
    await page.getByTestId('adjust').click()
    await page.getByTestId('place-order').click()
    await page.getByTestId('order-status').waitFor()
    assert.equal(await copiesLeft(page, book.isbn), 0)
  })

  await t.test('an order is cancelled after asking, and its copies are back', async () => {
    await page.getByTestId('cancel').click()
    await page.getByTestId('cancel-confirmed').click()
    await page.locator('[data-testid=order-status][data-status=cancelled]').waitFor()
    assert.equal(await copiesLeft(page, book.isbn), available - 3)
  })
})

/** Everyday titles with few copies, enough for the readers of this test. */
async function scarceBooks(page: Page): Promise<BookList['items']> {
  const list = (await (await page.request.get('/api/books?limit=100&available=true')).json()) as BookList
  return list.items.filter(
    ({ availability, perCustomer, limited }) =>
      !limited && perCustomer === null && availability.available >= 5 && availability.available <= 30,
  )
}

async function fillCheckout(page: Page, isbn: string, email: string, quantity = 1): Promise<void> {
  await page.goto(`/shop/books/${isbn}`)
  const field = page.getByRole('textbox', { name: 'Copies' })
  await field.fill(String(quantity))
  await field.press('Tab')
  await page.getByTestId('add-to-cart').click()
  await page.getByTestId('cart-link').click()
  await page.getByTestId('checkout').click()
  await page.getByLabel('Name', { exact: true }).fill('Ada Byron')
  await page.getByLabel('Email', { exact: true }).fill(email)
}

async function orderByApi(page: Page, isbn: string, quantity: number): Promise<Order> {
  const reply = await page.request.post('/api/orders', {
    headers: { 'idempotency-key': crypto.randomUUID() },
    data: { customer: { name: 'Somebody Else', email: 'else@example.org' }, lines: [{ isbn, quantity }] },
  })
  assert.equal(reply.status(), 201)
  return (await reply.json()) as Order
}

async function copiesLeft(page: Page, isbn: string): Promise<number> {
  const reply = await page.request.get(`/api/books/${isbn}/availability`)
  return ((await reply.json()) as { available: number }).available
}
