import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { type FleetObject, fleetView } from '../../src/services/edge/fleet-view.ts'
import { startEdge } from '../support/edge.ts'
import { freePort } from '../support/process-cluster.ts'
import { until } from '../support/until.ts'
import { octavo, startStore } from '../support/whole-store.ts'
import { barriersOn, isQuiet, lookAtPage, sizes } from './barriers.ts'
import { tabTo } from './by-keyboard.ts'
import { openBrowser } from './open-browser.ts'

const operator = { email: 'olga@example.org', password: 'a lamp in the engine room' }

test('operators see their fleet, and everybody can read it', async (t) => {
  const store = await startStore(t, 'off', { OCTAVO_TRUSTED_PROXIES: '127.0.0.1' })
  const added = await octavo(store, ['staff', 'add', operator.email, '--roles', 'operator'], {
    OCTAVO_STAFF_PASSWORD: operator.password,
  })
  assert.equal(added.code, 0, added.said)
  const gone = `http://127.0.0.1:${await freePort()}`
  const edge = await startEdge(t, `static:north=${store.url};south=${gone}`)
  const { page, context, complaints } = await openBrowser(t, edge.url)
  await context.addInitScript({ path: lookAtPage })
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await logIn(page)

  await t.test('behind an edge: which clusters there are, and the one that is lost', async () => {
    await tabTo(page, /^Fleet$/)
    await page.keyboard.press('Enter')
    await page.getByRole('status').filter({ hasText: 'Trouble: south is lost.' }).waitFor()
    const row = (name: string) => page.getByRole('row').filter({ hasText: name })
    await row('north')
      .filter({ hasText: /serving\s*● up/ })
      .waitFor()
    await row('south')
      .filter({ hasText: /serving\s*○ down: / })
      .waitFor()
    await page.waitForFunction(isQuiet)
    assert.deepEqual(await barriersOn(page), [])
  })

  await t.test(
    'in the middle of everything: approvals, a roll-out, a move, what was rolled back',
    async () => {
      const { clusters } = await edge.state()
      await page.route('**/api/fleet', (route) =>
        route.fulfill({ json: fleetView(busy, { revision: 12, epoch: 3, clusters }, Date.now()) }),
      )
      await page.reload()
      await page.getByRole('status').filter({ hasText: 'order-db is on its way' }).waitFor()
      for (const text of [
        'to be drained',
        '1 more needed',
        'north goes from 1.0.0 to 1.1.0: soaking since',
        'Not rolled out: another cluster cannot work on its schema',
        '1.0.9 was rolled back: 7 of 100 orders failed',
        'south: lost, as the edges see it',
        'Trouble: the edge at http://edge-1:8081 does not answer',
        'draining, to be drained',
        'waits until what is on its way has ended',
        'maintenance from 31/01/2098',
        'A dry run: nothing of this is done.',
        'apply cluster=north version=1.1.0',
      ])
        await page.getByText(text).first().waitFor()
      await page.waitForFunction(isQuiet)
      assert.deepEqual(await barriersOn(page), [])
      await page.setViewportSize(sizes.phone)
      // What is wider than a phone is reached and moved by keyboard.
      await page.locator('body').focus()
      await tabTo(page, /^Clusters$/)
      const table = page.getByRole('region', { name: 'Clusters' })
      // The page may still be settling on its new width, which moves it back.
      await until(async () => {
        await page.keyboard.press('ArrowRight')
        return table.evaluate((it) => it.matches(':focus') && it.scrollLeft > 0)
      })
      await tabTo(page, /^Databases$/)
      await page.setViewportSize(sizes.desktop)
      await page.unroute('**/api/fleet')
    },
  )

  await t.test('a store that stands alone says so', async () => {
    const alone = await openBrowser(t, store.url)
    await alone.context.addInitScript({ path: lookAtPage })
    await logIn(alone.page)
    await alone.page.goto('/console/fleet')
    await alone.page.getByText('This store stands alone').waitFor()
    assert.deepEqual(await barriersOn(alone.page), [])
    assert.deepEqual(alone.complaints, [])
  })
  assert.deepEqual(complaints, [])
})

async function logIn(page: Page): Promise<void> {
  await page.goto('/console/login')
  await page.getByLabel('Email').fill(operator.email)
  await page.getByLabel('Password', { exact: true }).fill(operator.password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(({ pathname }) => pathname.startsWith('/console') && !pathname.endsWith('/login'))
}

const minuteMs = 60_000
const ago = (minutes: number) => Date.now() - minutes * minuteMs

/** A fleet to which everything happens that the page can show. */
const busy: FleetObject = {
  spec: {
    version: '1.1.0',
    dryRun: true,
    clusters: [
      {
        ...{ name: 'north', ring: 0, approvedBy: ['ada', 'ben'], production: true },
        maintenance: [{ from: '2098-01-31T01:00:00Z', until: '2098-01-31T02:00:00Z' }],
      },
      { name: 'south', ring: 1, approvedBy: ['ada', 'ben'], production: true, intent: 'drain' },
      { name: 'west', ring: 2, approvedBy: ['ada', 'Ada '], production: true },
    ],
  },
  status: {
    message: 'north: 1.0.0 → 1.1.0, soaking',
    plan: ['apply cluster=north version=1.1.0'],
    why: { south: 'waits until what is on its way has ended' },
    troubles: ['the edge at http://edge-1:8081 does not answer: drains and roll-outs wait for it'],
    memory: {
      blocked: 'another cluster cannot work on its schema',
      clusters: {
        north: { phase: 'serving', version: '1.1.0', weight: 5 },
        south: { phase: 'draining', version: '1.0.0', weight: 0 },
        west: { phase: 'out', weight: 0 },
      },
      rollout: { version: '1.1.0', from: '1.0.0', cluster: 'north', step: 'soaking', sinceMs: ago(2) },
      bad: { '1.0.9': '7 of 100 orders failed' },
      homes: {
        'order-db': { cluster: 'south', epoch: 3, step: 'turning' },
        'book-db': { cluster: 'north', epoch: 2, step: 'steady' },
      },
      timeline: [
        { atMs: ago(9), text: '1.0.9 is rolled back to 1.0.0: 7 of 100 orders failed' },
        { atMs: ago(3), text: 'south: lost, as the edges see it' },
        { atMs: ago(2), text: 'north: from 1.0.0 to 1.1.0' },
      ],
    },
  },
}
