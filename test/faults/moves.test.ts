import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { askOnce } from '#ports/postgres'
import { startLoad } from '../clusters/load.ts'
import { startEdge } from '../support/edge.ts'
import { startHomes } from '../support/homes.ts'
import { type KeptCluster, keptUrl, openKeptCluster } from '../support/kept-cluster.ts'
import { openProcessCluster, type ProcessCluster, sharedParts } from '../support/process-cluster.ts'
import { until } from '../support/until.ts'
import { startClients, type Wanted } from './clients.ts'
import { checkHistory } from './history.ts'
import { addTitles } from './titles.ts'

const secret = 'what all clusters of this fleet share'
const limitMs = 120_000
const databases = { 'order-db': 'orders', 'book-db': 'books' } as const

/** Three clusters, each a keeper with a server of either database, two of them with a store; readers come by an edge. */
test('the databases move between clusters under orders: planned, with a cluster lost, and with one that is only cut off', {
  timeout: 560_000,
}, async (t) => {
  const kept = await Promise.all(['a', 'b', 'c'].map((name) => openKeptCluster(t, name, secret)))
  for (const each of kept) await each.start()
  const homes = startHomes(t, kept, secret, 'a')
  await homes.steady((cluster) => cluster === 'a', limitMs)
  const all = (database: KeptDatabase, own?: KeptCluster) =>
    keptUrl(
      kept.map((each) => (each === own ? each.ownAddress(database) : each.address(database))),
      databases[database],
    )
  const shared = sharedParts(t, all('book-db'), all('order-db'), secret)
  // A cluster reaches its own servers also when it is cut off from everybody else.
  const stores = await Promise.all(
    kept.slice(0, 2).map((own) => {
      const urls = { bookDb: all('book-db', own), orderDb: all('order-db', own) }
      const secrets = { ...shared.secrets, ...urls, payment: `test+${urls.orderDb}` }
      return openProcessCluster(t, own.name, { ...shared, secrets })
    }),
  )
  await Promise.all(stores.map((store) => store.start()))
  const edge = await startEdge(t, pictureOf(shared.folder, 'all', stores))
  await until(async () => (await edge.state()).clusters.every(({ isUp, isProbed }) => isUp && isProbed))
  const isbns = await addTitles(
    { url: stores[0]?.url ?? '', staff: shared.staff },
    [1_000_000, 1_000_000, 60],
  )
  const { clients, during } = startLoad({ url: edge.url, isbns, count: 4, pauseMs: 150 })
  const history: Wanted[] = []
  const sells = async (more = 5) => {
    const before = clients.acknowledged()
    await until(() => clients.acknowledged() > before + more, 'orders are taken', limitMs)
  }
  const storeOf = (name: string) => stores.find((each) => each.name === name) as ProcessCluster
  const keptOf = (name: string) => kept.find((each) => each.name === name) as KeptCluster
  const follows = (name: string) =>
    until(() => keptDatabases.every((each) => homes.receives(each, name)), `${name} follows`, limitMs)
  await sells()
  for (const each of ['b', 'c']) await follows(each)

  await t.test('a planned move: everything that was acknowledged is there', async (t) => {
    const seen = await during(async () => {
      homes.wanted = 'b'
      await homes.steady((cluster) => cluster === 'b', limitMs)
      await sells()
    })
    homes.wanted = ''
    t.diagnostic(
      `${seen.orders} orders, ${seen.failed} tries failed, ${seen.longestWithoutMs} ms without a sale`,
    )
  })

  await t.test(
    'the cluster of the primaries is lost with all that is in it: another takes over',
    async (t) => {
      await follows('a')
      const seen = await during(async () => {
        await Promise.all([keptOf('b').kill(), storeOf('b').kill()])
        await homes.steady((cluster) => cluster !== 'b', limitMs)
        await sells()
      })
      t.diagnostic(
        `${seen.orders} orders, ${seen.failed} tries failed, ${seen.longestWithoutMs} ms without a sale`,
      )
      await keptOf('b').start()
      await storeOf('b').start()
      await follows('b')
    },
  )

  await t.test(
    'a cluster that is only cut off accepts and decides nothing, and is a replica when it is back',
    async (t) => {
      const old = 'a'
      homes.wanted = old
      await homes.steady((cluster) => cluster === old, limitMs)
      homes.wanted = ''
      await Promise.all(['b', 'c'].map(follows))
      // Whoever still reaches the old primary's store, and only that.
      const island = await startEdge(t, pictureOf(shared.folder, 'island', [storeOf(old)]))
      await until(async () => (await island.state()).clusters.every(({ isUp, isProbed }) => isUp && isProbed))
      keptOf(old).cutOff(true)
      const cutMs = performance.now()
      const stranded = startClients({ url: island.url, count: 3, isbns, pauseMs: 50 })
      const seen = await during(async () => {
        await homes.steady((cluster) => cluster !== old, limitMs)
        await sells()
        await sleep(2_000)
      })
      const taken = stranded.history.filter(({ attempts }) =>
        attempts.some(({ status, atMs }) => status === 201 && atMs > cutMs + 1_000),
      )
      t.diagnostic(
        `${seen.orders} orders elsewhere, ${seen.longestWithoutMs} ms without a sale; ${stranded.history.length} wanted where it was cut off`,
      )
      assert.deepEqual(
        taken.map(({ key }) => key),
        [],
        'no order was taken there',
      )
      keptOf(old).cutOff(false)
      await follows(old)
      await stranded.finish()
      history.push(...stranded.history)
    },
  )

  await clients.finish()
  const verdict = await checkHistory([...clients.history, ...history], { ...shared.secrets })
  t.diagnostic(`${verdict.acknowledged} orders acknowledged, ${homes.said.join('; ')}`)
  assert.ok(verdict.acknowledged > 60)
  assert.deepEqual([...verdict.lost, ...verdict.wrong, ...verdict.findings], [])
})

test('what a cut-off primary is asked to write is acknowledged to nobody; without turns and a quorum it would be, and lost', {
  timeout: 400_000,
}, async (t) => {
  const kept = await Promise.all(['a', 'b', 'c'].map((name) => openKeptCluster(t, name, secret)))
  for (const each of kept) await each.start()
  const [a, b] = kept as [KeptCluster, KeptCluster]
  const homes = startHomes(t, kept, secret, 'a')
  await homes.steady((cluster) => cluster === 'a', limitMs)
  homes.wanted = ''
  await sqlAt(a, 'CREATE TABLE told (id int)')
  for (const each of ['b', 'c'])
    await until(() => homes.receives('order-db', each), `${each} follows`, limitMs)

  a.cutOff(true)
  let isTold = false
  const told = sqlAt(a, 'INSERT INTO told VALUES (1)').then(
    () => {
      isTold = true
    },
    // Its server is ended when it hears of the next turn.
    () => {},
  )
  await homes.steady((cluster) => cluster !== 'a', limitMs)
  const next = kept.find(({ name }) => name === homes.home('order-db')?.cluster) as KeptCluster
  assert.ok(!isTold)
  assert.deepEqual(await sqlAt(next, 'SELECT id FROM told'), [])
  a.cutOff(false)
  await until(() => homes.receives('order-db', 'a'), 'a follows', limitMs)
  await told
  assert.ok(!isTold)

  homes.isPaused = true
  await homes.tellAll('b', { quorum: 0, epochBy: 1 })
  await until(() => homes.isPrimary('b'), 'b leads and waits for nobody', limitMs)
  b.cutOff(true)
  await sqlAt(b, 'INSERT INTO told VALUES (2)')
  await homes.tellAll('a', { quorum: 0, epochBy: 2 })
  await until(() => homes.isPrimary('a'), 'a leads as well', limitMs)
  assert.deepEqual(await sqlAt(a, 'SELECT id FROM told'), [], 'what was acknowledged is lost')
})

/** At the server of OrderDb, from within its cluster. */
const sqlAt = (cluster: KeptCluster, sql: string): Promise<unknown[]> =>
  askOnce(keptUrl([cluster.ownAddress('order-db')], 'orders'), sql, limitMs)

/** A picture for an edge, in a file. @returns its URL */
function pictureOf(folder: string, name: string, stores: readonly ProcessCluster[]): string {
  const path = join(folder, `${name}.json`)
  const clusters = stores.map((each) => ({ name: each.name, url: each.url, weight: 100, takesWrites: true }))
  writeFileSync(path, JSON.stringify({ revision: 1, epoch: 1, clusters }))
  return `file://${path}`
}
