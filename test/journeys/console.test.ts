import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openBroker } from '../../src/ports/broker/port.ts'
import { codeShown } from '../support/authenticator.ts'
import { octavo, type Store, startStore } from '../support/whole-store.ts'
import { openBrowser } from './open-browser.ts'

const operator = { email: 'olga@example.org', password: 'a lamp in the engine room' }

test('staff see where they are logged in and how the store does', async (t) => {
  const store = await startStore(t, 'off')
  const added = await octavo(store, ['staff', 'add', operator.email, '--roles', 'operator'], {
    OCTAVO_STAFF_PASSWORD: operator.password,
  })
  assert.equal(added.code, 0, added.said)
  const { page, context, complaints } = await openBrowser(t, store.url)

  await t.test('sessions are listed, ended one by one, and all at once', async () => {
    await logIn(page, operator, /^\/console/)
    await logInAsProgram(store)
    await page.goto('/console/sessions')
    await page.getByRole('heading', { name: 'Your sessions' }).waitFor()
    const sessions = page.getByTestId('session')
    await sessions.nth(1).waitFor()
    assert.equal(await sessions.count(), 2)
    assert.equal(await sessions.filter({ hasText: 'this one' }).getByRole('button').count(), 0)
    await page.getByRole('button', { name: /^End the session of tests/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
    await sessions.nth(1).waitFor({ state: 'detached' })
    await page.getByLabel('Current password').fill('not this one at all')
    await page.getByLabel('New password').fill(operator.password)
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('this is not your password').waitFor()
    await page.getByLabel('Current password').fill(operator.password)
    operator.password = 'another evening by the stove'
    await page.getByLabel('New password').fill(operator.password)
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByRole('status').filter({ hasText: 'Your password is changed.' }).waitFor()
    await page.getByRole('button', { name: 'End all sessions' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End all' }).click()
    await page.waitForURL(/\/console\/login/)
    await page.goto('/console/sessions')
    await page.waitForURL(/\/console\/login/)
  })

  await t.test(
    'a second factor is set up by an app, asked for at the next log-in, and lost without harm',
    async () => {
      await logIn(page, operator, /^\/console/)
      await page.goto('/console/sessions')
      await page.getByLabel('Password, to set it up').fill(operator.password)
      await page.getByRole('button', { name: 'Set up a second factor' }).click()
      const secret = (await page.getByTestId('app-secret').textContent()) ?? ''
      await page.locator('[autocomplete="one-time-code"]:focus').waitFor()
      await page.getByRole('img', { name: 'The key of your second factor' }).waitFor()
      await page.getByLabel('Code that the app shows').fill(codeShown(secret, 10))
      await page.getByRole('button', { name: 'Ask for codes from now on' }).click()
      await page.getByText('this is no code of the second factor').waitFor()
      await page.getByLabel('Code that the app shows').fill(codeShown(secret))
      await page.getByRole('button', { name: 'Ask for codes from now on' }).click()
      // Waits until they are there, which taking all of a list does not.
      const paperCode =
        (await page.getByTestId('paper-codes').getByRole('listitem').first().textContent()) ?? ''
      await page.getByRole('button', { name: 'End all sessions' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'End all' }).click()
      await page.waitForURL(/\/console\/login/)
      await page.getByLabel('Email').fill(operator.email)
      await page.getByLabel('Password', { exact: true }).fill(operator.password)
      await page.getByRole('button', { name: 'Log in' }).click()
      for (const code of ['000000', paperCode]) {
        await page.getByLabel('Code', { exact: true }).fill(code)
        await page.keyboard.press('Enter')
        if (code !== paperCode)
          await page.getByRole('alert').filter({ hasText: 'This code is not good' }).waitFor()
      }
      await page.waitForURL((url) => /^\/console/.test(url.pathname) && !url.pathname.endsWith('/login'))
      const reset = await octavo(store, ['staff', 'reset', operator.email])
      assert.equal(reset.code, 0, reset.said)
    },
  )

  await t.test('the page of the system shows what runs, and a message that was given up', async () => {
    await logIn(page, operator, /^\/console/)
    await page.goto('/console/system')
    // On a machine that is busy with other things an alert may take a while to clear.
    await page.getByRole('status').filter({ hasText: 'Everything is well.' }).waitFor({ timeout: 120_000 })
    for (const service of ['catalog', 'orders', 'coordinator', 'vouchers'])
      await page
        .getByRole('rowheader', { name: new RegExp(`^${service} `) })
        .first()
        .waitFor()
    for (const name of ['BookDb', 'OrderDb']) await page.getByRole('heading', { name }).waitFor()
    const server = page.getByRole('region', { name: 'Servers of OrderDb' }).getByRole('row').nth(1)
    await server.filter({ hasText: /order-db\s*● primary/ }).waitFor()
    await page.getByText('No queue has given a message up.').waitFor()
    await page.getByRole('rowheader', { name: 'vouchers-draw' }).waitFor()
    await using broker = await openBroker(orderDbOf(store), { applicationName: 'test' })
    await broker.publish([{ topic: 'voucher.wanted', payload: { no: 'vouchers' } }])
    await page.getByRole('cell', { name: 'voucher.wanted', exact: true }).waitFor()
    await page.getByRole('button', { name: /^Try voucher\.wanted of .* again$/ }).click()
    await page.getByRole('status').filter({ hasText: 'The message is back in vouchers-draw.' }).waitFor()
    // It is no better than it was, and is given up once more.
    await page.getByRole('button', { name: /^Throw away voucher\.wanted of / }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Throw it away' }).click()
    await page.getByRole('status').filter({ hasText: 'The message is thrown away.' }).waitFor()
    await page.getByText('No queue has given a message up.').waitFor()
    const { status } = await context.request
      .get('/api/orders')
      .then((answer) => ({ status: answer.status() }))
    assert.equal(status, 403, 'operators see no customer’s data')
  })
  assert.deepEqual(complaints, [])
})

async function logIn(page: Page, who: typeof operator, where: RegExp): Promise<void> {
  await page.goto('/console/login')
  await page.getByLabel('Email').fill(who.email)
  await page.getByLabel('Password', { exact: true }).fill(who.password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL((url) => where.test(url.pathname) && !url.pathname.endsWith('/login'))
}

/** Its broker lives there as well. */
function orderDbOf(store: Store): string {
  const path = ['secrets', 'run'].map((folder) => join(store.data, folder, 'order-db-url')).find(existsSync)
  assert.ok(path)
  return readFileSync(path, 'utf8').trim()
}

async function logInAsProgram(store: Store): Promise<void> {
  const answer = await fetch(`${store.url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'tests/1.0' },
    body: JSON.stringify(operator),
  })
  assert.equal(answer.status, 204)
}
