import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import type { BookList, Order } from '#services/gateway'
import { octavo, type Store, startStore } from '../support/whole-store.ts'
import { barriersOn, isQuiet, lookAtPage, sizes } from './barriers.ts'
import { tabTo } from './by-keyboard.ts'
import { openBrowser } from './open-browser.ts'

type Visit = { path: string; act?: (page: Page) => Promise<void> }

/** Pages looked at side by side: loading one leaves time to measure another. */
const sideBySide = 3

test('everybody can read and use the pages', async (t) => {
  // It has no replica that could be slow, and an alert that says it is slow on purpose.
  const store = await startStore(t, 'on', { OCTAVO_FAULTS: 'slow-replica' })
  const { page, context, complaints } = await openBrowser(t, store.url)
  await context.addInitScript({ path: lookAtPage })
  const books = await booksToShow(page)

  await t.test('from the first page to a reserved copy by keyboard alone', () => orderByKeyboard(page))

  await t.test(
    'the website and the shop have no serious barrier, light or dark, wide or narrow',
    async () => {
      const [reserved, confirmed] = await Promise.all([
        order(page, books.priced.isbn),
        order(page, books.free.isbn),
      ])
      const orderPath = ({ id, token }: Order & { token?: string }) => `/shop/orders/${id}#token=${token}`
      await look(context, [
        ...['/', '/drops/', '/about/', '/visit/', '/there-is-no-such-page/'].map((path) => ({ path })),
        ...['/shop/', '/shop/?q=tolstoy', '/shop/?q=zzqzzq', '/shop/nowhere'].map((path) => ({ path })),
        ...Object.values(books).map(({ isbn }) => ({ path: `/shop/books/${isbn}` })),
        { path: '/shop/books/9780439554930' },
        { path: orderPath(reserved) },
        { path: orderPath(confirmed), act: (it) => it.getByTestId('voucher').waitFor() },
        { path: '/shop/orders' },
        { path: '/shop/cart' },
      ])
      await look(context, [{ path: `/shop/books/${books.everyday.isbn}`, act: addToCart }])
      await look(context, [{ path: '/shop/cart' }, { path: '/shop/checkout', act: submitWrong }])
    },
  )

  await t.test('the console has no serious barrier, light or dark, wide or narrow', async () => {
    await look(context, [{ path: '/console/login' }])
    await logIn(context, store)
    const placed = await order(page, books.priced.isbn, 'grace@example.org')
    await look(context, [
      ...['', 'orders', 'books', 'books/new', 'imports', 'nowhere', 'sessions'].map((path) => ({
        path: `/console/${path}`,
      })),
      { path: '/console/system', act: readRunbook },
      {
        path: `/console/orders/${placed.id}`,
        act: (it) => it.getByRole('heading', { name: 'Books' }).waitFor(),
      },
      { path: '/console/sessions', act: (it) => setUpFactor(it, store) },
      { path: `/console/books/${books.priced.isbn}` },
      { path: '/console/books?limited=true', act: openStockDialog },
    ])
    assert.deepEqual(complaints, [])
  })

  await t.test('reports are read, kept as a file and asked for by SQL, by everybody', async () => {
    const { code, said } = await octavo(store, ['warehouse', 'load'])
    assert.equal(code, 0, said)
    const numbers = (it: Page) => it.getByTestId('as-of').waitFor()
    await look(context, [
      ...['', '/sales-by-day', '/sales-by-title', '/redemptions', '/stock', '/drops'].map((path) => ({
        path: `/console/reports${path}`,
        act: numbers,
      })),
      { path: '/console/reports/sql', act: askBySql },
    ])
    await readReport(page)
  })
})

/** Opens each page once and measures it in both sizes and both themes. */
async function look(context: BrowserContext, visits: readonly Visit[]): Promise<void> {
  const queue = [...visits]
  const found: string[] = []
  const work = async () => {
    const page = await context.newPage()
    await page.emulateMedia({ reducedMotion: 'reduce' })
    for (let visit = queue.shift(); visit; visit = queue.shift()) found.push(...(await barriers(page, visit)))
    await page.close()
  }
  await Promise.all(Array.from({ length: sideBySide }, work))
  assert.deepEqual(found, [])
}

async function barriers(page: Page, { path, act }: Visit): Promise<string[]> {
  await page.setViewportSize(sizes.desktop)
  await page.goto('about:blank')
  await page.goto(path)
  await page.locator('h1, h2').first().waitFor()
  await page.waitForFunction(isQuiet)
  await act?.(page)
  return (await barriersOn(page)).map((barrier) => `${path} ${barrier}`)
}

async function setUpFactor(page: Page, { staff }: Store): Promise<void> {
  await page.getByLabel('Password, to set it up').fill(staff.password)
  await page.getByRole('button', { name: 'Set up a second factor' }).click()
  await page.getByTestId('app-secret').waitFor()
}

/** What to do about an alert, by keyboard. */
async function readRunbook(page: Page): Promise<void> {
  await page.getByText('The fault switch slow-replica is set.').waitFor()
  await tabTo(page, /^What to do$/)
  await page.keyboard.press('Enter')
  await page.getByText('OCTAVO_FAULTS').first().waitFor()
}

async function askBySql(page: Page): Promise<void> {
  await page.getByLabel('SQL', { exact: true }).fill('SELECT count(*) AS books FROM books')
  await page.getByRole('button', { name: 'Run' }).click()
  await page.getByRole('columnheader', { name: 'books' }).waitFor()
}

/** What the page shows is what the file has. */
async function readReport(page: Page): Promise<void> {
  await page.goto('/console/reports')
  await page.getByRole('link', { name: 'Sales by title' }).click()
  const table = page.getByRole('region', { name: 'Sales by title in numbers' })
  await table.getByRole('cell').first().waitFor()
  const shown = await table.getByRole('row').count()
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'CSV', exact: true }).click()
  const file = readFileSync(await (await download).path(), 'utf8')
  assert.match(file, /^isbn,title,orders,copies,revenue,currency\n/)
  assert.equal(file.trim().split('\n').length, shown)
  const forExcel = page.waitForEvent('download')
  await page.getByRole('link', { name: 'CSV for Excel' }).click()
  assert.equal(readFileSync(await (await forExcel).path(), 'utf8'), `\ufeff${file}`)
  await page.getByLabel('From', { exact: true }).fill('2020-01-01')
  await page.getByLabel('To', { exact: true }).fill('2020-01-31')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByText('There is nothing to show for that.').waitFor()
  assert.match(page.url(), /from=2020-01-01/)
  await askForLoads(page)
}

/** A load can be asked for again when it is done, and when it has failed, which is said. */
async function askForLoads(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Load now' })
  await button.click()
  await page.getByRole('button', { name: 'Loading …' }).waitFor()
  await button.waitFor()
  const failed = { at: '2026-11-30T12:00:00.000Z', problem: 'the object store does not answer' }
  await page.route('**/api/reports', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json()), failed } })
  })
  await button.click()
  await page.getByTestId('load-failed').getByText('the object store does not answer').waitFor()
  assert.equal(await button.isDisabled(), false)
  await page.unroute('**/api/reports')
}

async function orderByKeyboard(page: Page): Promise<void> {
  await page.goto('/')
  await tabTo(page, /^Enter the shop$/)
  await page.keyboard.press('Enter')
  await page.getByTestId('book-card').first().waitFor()
  await tabTo(page, /^Search books/)
  await page.keyboard.type('ozymandas')
  await page.waitForURL(/[?&]q=/)
  await page.getByTestId('books').getByRole('link', { name: 'Ozymandias' }).waitFor()
  await tabTo(page, /^Ozymandias$/)
  await page.keyboard.press('Enter')
  await page.getByTestId('reserve').waitFor()
  await tabTo(page, /^Reserve now$/)
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/shop\/checkout$/)
  await tabTo(page, /^Name/)
  await page.keyboard.type('Ada Byron')
  await tabTo(page, /^Email/)
  await page.keyboard.type('ada@example.org')
  await page.keyboard.press('Enter')
  await page.getByTestId('order-status').waitFor()
  await page.getByTestId('voucher').waitFor()
  await tabTo(page, /^Download PDF$/)
}

async function booksToShow(
  page: Page,
): Promise<Record<'free' | 'priced' | 'upcoming' | 'everyday', { isbn: string }>> {
  const list = async (query: string) =>
    ((await (await page.request.get(`/api/books?limit=100&${query}`)).json()) as BookList).items
  const limited = await list('limited=true')
  const onSale = limited.filter(({ availability }) => availability.status === 'in-stock')
  const [everyday] = await list('available=true&limited=false')
  const books = {
    free: onSale.find(({ price }) => price?.amount === 0),
    priced: onSale.find(({ price, perCustomer }) => (price?.amount ?? 0) > 0 && perCustomer !== null),
    upcoming: limited.find(({ availability }) => availability.status === 'upcoming'),
    everyday,
  }
  for (const [kind, book] of Object.entries(books))
    assert.ok(book, `the sample catalogue has a ${kind} title`)
  return books as Record<keyof typeof books, { isbn: string }>
}

async function order(
  page: Page,
  isbn: string,
  email = 'reader@example.org',
): Promise<Order & { token?: string }> {
  const reply = await page.request.post('/api/orders', {
    headers: { 'idempotency-key': crypto.randomUUID() },
    data: { customer: { name: 'Grace Hopper', email }, lines: [{ isbn, quantity: 1 }] },
  })
  assert.equal(reply.status(), 201, await reply.text())
  return await reply.json()
}

async function addToCart(page: Page): Promise<void> {
  await page.getByTestId('add-to-cart').click()
  await page.getByText('in your cart').waitFor()
}

async function submitWrong(page: Page): Promise<void> {
  await page.getByLabel('Email', { exact: true }).fill('nobody')
  await page.getByTestId('place-order').click()
  await page.locator('[aria-invalid=true]').first().waitFor()
}

async function openStockDialog(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: /^Set the stock of/ })
    .first()
    .click()
  await page.getByLabel('Copies owned').waitFor()
  await page.waitForFunction(isQuiet)
}

async function logIn(context: BrowserContext, { staff }: Store): Promise<void> {
  const reply = await context.request.post('/api/session', { headers: { accept: '*/*' }, data: staff })
  assert.ok(reply.ok(), await reply.text())
}
