import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { Agent, request } from 'undici'
import { openDatabase } from '#ports/database'
import { freshMemory } from '../../src/services/fleet/decisions/model.ts'
import { placeOrder, type Wanted } from '../faults/clients.ts'
import { checkHistory } from '../faults/history.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { followOrder, type Load, startLoad } from './load.ts'
import { type Fault, plantedFault } from './ocm/bad-program.ts'
import { first, openStoreFleet, type StoreFleet } from './ocm/open-stores.ts'

/** Versions of real stores on three clusters, under the controller of a hub and behind an edge, while readers order. */
const next = '1.1.0'
const faults: Readonly<Record<string, Fault>> = {
  '1.2.0': 'crashes',
  '1.2.1': 'fails-some',
  '1.2.2': 'oversells',
}
const rollout = {
  ...{ canaryPercent: 50, soakSeconds: 6, ordersMin: 40, readyLimitSeconds: 60 },
  // Readers here wait for a busy machine.
  ...{ failedPercentMax: 1, slowPercentMax: 100 },
}
/** The checks of a store look every half a minute, and few orders say nothing of a thirtieth of them. */
const longSoak = { ...rollout, soakSeconds: 60 }
const scarce = 2
const scarceCopies = 60
const backLimitMs = 180_000

const scope = fileScope()
let on: StoreFleet
let load: Load
let isbns: string[]

before(async () => {
  on = await openStoreFleet(scope, { [next]: 'good', ...faults }, { rollout })
  isbns = await on.addTitles([1_000_000, 1_000_000, scarceCopies])
  load = startLoad({ url: on.fleet.edge.url, isbns, count: 6, pauseMs: 200 })
  scope.after(() => load.clients.giveUp())
  await sells()
})

test('a version moves over the clusters, one by one, and no order fails', async (t) => {
  const watching = watchVersions()
  const seen = await load.during(async () => {
    await on.fleet.want({ version: next })
    await on.waitFor(async () => (await on.memory())?.goodVersion === next)
  })
  t.diagnostic(`${seen.orders} orders, ${seen.failed} tries failed ${JSON.stringify(seen.reasons)}`)
  assert.equal(seen.failed, 0)
  assert.ok((await watching.stop()) <= 1, 'one cluster changed at a time')
  assert.deepEqual([on.at('a').workload.version(), on.at('b').workload.version()], [next, next])
})

test('a cluster is drained: its replacement serves first, no order fails, and open pages go on elsewhere', async (t) => {
  const pages = await openPages(5)
  for (const { page } of pages) t.after(() => page[Symbol.asyncDispose]())
  let readyMs = 0
  let goneMs = 0
  const seen = await load.during(async () => {
    assert.equal((await on.fleet.octavo(['drain', 'b'])).code, 0)
    await on.waitFor(async () => on.servesAt('a', 'c'))
    readyMs = performance.now()
    await on.waitFor(async () => on.at('b').workload.version() === undefined)
    goneMs = performance.now()
  })
  assert.ok(readyMs <= goneMs)
  const said = ((await on.memory())?.timeline ?? []).map(({ text }) => text)
  assert.ok(said.lastIndexOf('c: serving') < said.lastIndexOf('b: draining'), said.join('\n'))
  for (const { wanted, page } of pages) {
    await pay(wanted)
    await until(() => page.status() === 'confirmed', 'a page that was open hears of its voucher', 60_000)
    assert.deepEqual([...page.ids].sort(byNumber), page.ids)
  }
  const reconnects = pages.reduce((sum, { page }) => sum + page.reconnects(), 0)
  t.diagnostic(
    `${seen.orders} orders, ${seen.failed} tries failed ${JSON.stringify(seen.reasons)}; ${reconnects} of ${pages.length} pages opened again`,
  )
  assert.equal(seen.failed, 0)
  // Nothing moves that need not: it takes readers again when its replacement has to go.
  assert.equal((await on.fleet.octavo(['serve', 'b'])).code, 0)
  assert.equal((await on.fleet.octavo(['drain', 'c'])).code, 0)
  await on.waitFor(() => on.servesAt('a', 'b'))
  assert.equal((await on.fleet.octavo(['serve', 'c'])).code, 0)
})

test('a version that cannot start is rolled back by itself, and no order fails', async (t) => {
  const seen = await rolledBack(t, '1.2.0')
  assert.equal(seen.failed, 0)
})

test('a version that fails one checkout in thirty is rolled back, and the version before reads what it has sold', async (t) => {
  const sold = load.clients.history.length
  await on.fleet.want({ rollout: longSoak })
  const seen = await rolledBack(t, '1.2.1', /of \d+ orders failed/)
  assert.ok(
    Object.keys(seen.reasons).every((reason) => reason.endsWith(plantedFault)),
    JSON.stringify(seen),
  )
  const told = load.clients.history.slice(sold).filter(({ token }) => token !== undefined)
  for (const { told: ids, token } of told.slice(0, 100)) {
    const answer = await request(`${on.fleet.edge.url}/api/orders/${ids[0]}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    await answer.body.dump()
    assert.equal(answer.statusCode, 200)
  }
})

test('a version that oversells and says nothing is found by the store’s own checks, and rolled back', async (t) => {
  const database = await openDatabase(on.shared.secrets.bookDb, {
    ...{ applicationName: 'by hand', connectionsMax: 1 },
  })
  t.after(() => database[Symbol.asyncDispose]())
  // The last safeguard is the database's own; without it such a version does harm.
  const check = await withoutCheck(database)
  await rolledBack(t, '1.2.2', /oversold/)
  // The owner prints some more, and the books are right again.
  await on.addTitles([1_000_000], scarce)
  await database.execute(`ALTER TABLE catalog.stock ADD CONSTRAINT stock_never_oversold ${check}`)
  await on.fleet.want({ rollout })
})

test('a version whose databases the running one cannot work on is refused, with its reason', async () => {
  await on.fleet.addVersion('2.0.0', { orders: { version: 3, oldest: 3 } }, [])
  await on.fleet.want({ version: '2.0.0' })
  await until(async () => /cannot work on/.test((await on.memory())?.blocked ?? ''), 'it says why')
  await on.fleet.want({ version: next })
  await on.waitFor(() => on.servesAt('a', 'b'))
})

test('in all of it no order was lost, doubled or answered wrongly', async (t) => {
  await load.clients.finish()
  const { lost, wrong, findings, ...counts } = await checkHistory(load.clients.history, on.shared.secrets)
  t.diagnostic(JSON.stringify({ ...counts, lost: lost.length }))
  assert.ok(counts.acknowledged > 300)
  assert.equal(counts.unanswered, 0)
  const unplanned = wrong.filter((each) => !each.endsWith(plantedFault))
  assert.deepEqual([...lost, ...unplanned, ...findings], [])
})

async function sells(): Promise<void> {
  const sold = load.clients.acknowledged()
  await until(() => load.clients.acknowledged() > sold + 5, 'orders are taken', 120_000)
}

/** Wants a bad version, and waits until the one before is everywhere again: at most one cluster ever had it. */
async function rolledBack(t: { diagnostic(text: string): void }, version: string, why = /./) {
  const watching = watchVersions()
  const beganMs = performance.now()
  let backMs = 0
  const seen = await load.during(async () => {
    await on.fleet.want({ version })
    await on.waitFor(async () => (await on.memory())?.bad[version] !== undefined)
    await on.waitFor(async () => (await on.memory())?.rollout === undefined && (await on.servesAt('a', 'b')))
    backMs = performance.now() - beganMs
    await sells()
  })
  const { bad, clusters } = (await on.memory()) ?? freshMemory
  t.diagnostic(
    `back after ${Math.round(backMs / 1_000)} s: ${bad[version]}; ${seen.orders} orders, ${seen.failed} tries failed ${JSON.stringify(seen.reasons)}`,
  )
  assert.match(bad[version] ?? '', why)
  assert.ok((await watching.stop()) <= 1, 'it came to one cluster alone')
  assert.ok(backMs < backLimitMs)
  assert.deepEqual([clusters.a?.version, clusters.b?.version], [next, next])
  await on.fleet.want({ version: next })
  return seen
}

/** The most clusters that were at any moment meant to have another version than most. */
function watchVersions() {
  let [isOver, most] = [false, 0]
  const from = on.memory().then((memory) => memory?.clusters.a?.version ?? first)
  const watching = (async () => {
    const before = await from
    while (!isOver) {
      const { clusters = {}, rollout: moving } = (await on.memory()) ?? {}
      const others = Object.values(clusters).filter(
        ({ version, weight }) => version !== undefined && version !== before && weight < 100,
      )
      if (moving !== undefined) most = Math.max(most, others.length)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  })()
  return {
    async stop() {
      isOver = true
      await watching
      return most
    },
  }
}

async function openPages(count: number) {
  const agent = new Agent()
  const { url } = on.fleet.edge
  const pages = []
  for (let i = 0; i < count; i++) {
    const wanted: Wanted = {
      ...{ key: `page-${crypto.randomUUID()}`, lines: [{ isbn: isbns[0] ?? '', quantity: 1 }] },
      ...{ attempts: [], told: [], token: undefined, afterwards: 'nothing' },
    }
    await placeOrder(url, agent, wanted, () => 1)
    const page = followOrder(url, wanted.told[0] ?? '', wanted.token ?? '')
    await until(() => page.status() !== '', 'the page shows its order')
    pages.push({ wanted, page })
  }
  await agent.close()
  return pages
}

async function pay({ told, token, key }: Wanted): Promise<void> {
  const { statusCode, body } = await request(`${on.fleet.edge.url}/api/orders/${told[0]}/payment`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': key },
    body: JSON.stringify({ method: 'test', card: '4242424242424242' }),
  })
  await body.dump()
  assert.equal(statusCode, 202)
}

const byNumber = (a: string, b: string) => (BigInt(a) < BigInt(b) ? -1 : 1)

/** @returns what it checked */
async function withoutCheck(database: Awaited<ReturnType<typeof openDatabase>>): Promise<string> {
  const [found] = await database.query<{ check: string }>(
    `SELECT pg_get_constraintdef(oid) AS check FROM pg_constraint WHERE conname = 'stock_never_oversold'`,
  )
  assert.ok(found)
  await database.execute('ALTER TABLE catalog.stock DROP CONSTRAINT stock_never_oversold')
  return found.check
}
