import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { partsMissing } from '../../deploy/real/parts.ts'
import { until } from '../support/until.ts'
import { openBrowser } from './open-browser.ts'

const skip = partsMissing()[0] ?? false
const staff = { email: 'staff@example.org', password: 'a quiet corner by the window' }
const root = join(import.meta.dirname, '..', '..')
const startLimitMs = 150_000
const stopLimitMs = 60_000

test('npm run real: an order sails over MariaDB, RabbitMQ, S3 and Redis, and is kept over a Ctrl-C', {
  skip,
}, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'octavo-real-'))
  t.after(() => rmSync(data, { recursive: true, force: true, maxRetries: 5 }))
  let real = await startReal(t, data)
  let { page } = await openBrowser(t, real.url)
  const [book, other] = await books(page)
  const address = await buy(page, book)
  const code = await voucherAppears(page)
  await downloadComesFrom(page, real.s3)

  await t.test('its voucher is redeemed at the till, once', async () => {
    await page.goto('/console/')
    await page.getByLabel('Email').fill(staff.email)
    await page.getByLabel('Password', { exact: true }).fill(staff.password)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('Voucher code').fill(code)
    await page.getByLabel('Voucher code').press('Enter')
    await page.getByTestId('redeem').click()
    await page.getByRole('heading', { name: 'Redeemed', exact: true }).waitFor()
  })
  await t.test('another order is paid, drawn, cancelled, and its money given back', async () => {
    await buy(page, other)
    await voucherAppears(page)
    await page.getByTestId('cancel').click()
    await page.getByTestId('cancel-confirmed').click()
    const refunded = async () => {
      const order = await look(page, await newestOrder(page))
      return ['cancelled', 'refunded'].includes(order.status) && order.payment.status === 'refunded'
    }
    await until(refunded, 'the money is given back')
  })
  const first = await newestOrder(page, 1)
  await t.test('Ctrl-C in its terminal stops the store before its parts, and leaves nothing behind', () =>
    real.ctrlC(),
  )
  await t.test('started again, it has the order and its voucher', async (t) => {
    real = await startReal(t, data)
    ;({ page } = await openBrowser(t, real.url))
    await page.goto(`${new URL(address).pathname}#token=${first.token}`)
    await page.locator('[data-testid=order-status][data-status=redeemed]').waitFor()
    const { vouchers } = await look(page, first)
    const pdf = await page.request.get(vouchers[0]?.url ?? '')
    assert.match((await pdf.body()).toString('latin1'), /^%PDF-/)
    await real.ctrlC()
  })
})

/** As in a terminal: a process group of its own, which Ctrl-C reaches as a whole. */
async function startReal(t: Pick<TestContext, 'after'>, data: string) {
  const child = spawn(process.execPath, [join(root, 'bin', 'bootstrap.mjs'), 'real'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      OCTAVO_DATA: data,
      OCTAVO_PORT: '0',
      OCTAVO_STAFF_EMAIL: staff.email,
      OCTAVO_STAFF_PASSWORD: staff.password,
    },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const interrupt = () => child.exitCode === null && process.kill(-(child.pid ?? 0), 'SIGINT')
  t.after(async () => {
    interrupt()
    await ended
  })
  await until(
    () => {
      assert.equal(child.exitCode, null, said)
      return said.includes('is open at')
    },
    'the store is open',
    startLimitMs,
  )
  const found = (pattern: RegExp) => pattern.exec(said)?.[1] ?? ''
  return {
    url: found(/is open at (http:\/\/[^\s/]+)/),
    s3: found(/S3 +(http:\/\/[^\s,]+)/),
    async ctrlC() {
      interrupt()
      const limit = AbortSignal.timeout(stopLimitMs)
      const late = new Promise<string>((resolve) => limit.addEventListener('abort', () => resolve(said)))
      assert.equal(await Promise.race([ended, late]), 0)
      assert.match(said, /nothing of it runs any more\.\n[\s\S]*Redis have stopped\.\n$/)
      assert.doesNotMatch(said.slice(said.indexOf('Octavo stops')), /away|error|warn/i, said)
    },
  }
}

async function books(page: Page): Promise<[string, string]> {
  const list = await page.request.get('/api/books?available=true&limited=false&limit=2')
  const { items } = (await list.json()) as { items: { isbn: string }[] }
  return items.map(({ isbn }) => isbn) as [string, string]
}

/** @returns the order's address */
async function buy(page: Page, isbn: string): Promise<string> {
  await page.goto(`/shop/books/${isbn}`)
  await page.getByTestId('add-to-cart').click()
  await page.getByTestId('cart-link').click()
  await page.getByTestId('checkout').click()
  await page.getByLabel('Name', { exact: true }).fill('Ada Voyage')
  await page.getByLabel('Email', { exact: true }).fill('ada@example.org')
  await page.getByTestId('place-order').click()
  await page.getByLabel('Card number').fill('4242 4242 4242 4242')
  await page.getByTestId('pay').click()
  return page.url()
}

/** @returns its code */
async function voucherAppears(page: Page): Promise<string> {
  await page.locator('[data-testid=order-status][data-status=confirmed]').waitFor()
  return (await page.getByTestId('voucher-code').textContent())?.trim() ?? ''
}

/** Straight from the store of objects, not through the shop. */
async function downloadComesFrom(page: Page, s3: string): Promise<void> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download').click()])
  assert.equal(new URL(download.url()).origin, s3)
  assert.match(download.suggestedFilename(), /^octavo-voucher-.*\.pdf$/)
  assert.equal(
    readFileSync(await download.path())
      .subarray(0, 5)
      .toString(),
    '%PDF-',
  )
}

type Seen = { status: string; payment: { status: string }; vouchers: { url: string }[] }

async function look(page: Page, { id, token }: { id: string; token: string }): Promise<Seen> {
  const answer = await page.request.get(`/api/orders/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return (await answer.json()) as Seen
}

/** Of those that this browser knows. */
async function newestOrder(page: Page, place = 0): Promise<{ id: string; token: string }> {
  const stored = await page.evaluate(() => localStorage.getItem('octavo-orders') ?? '[]')
  return (JSON.parse(stored) as { id: string; token: string }[])[place] as { id: string; token: string }
}
