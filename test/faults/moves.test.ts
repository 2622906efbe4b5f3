import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
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
  await homes.settled((cluster) => cluster === 'a', limitMs)
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
      await homes.settled((cluster) => cluster === 'b', limitMs)
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
        await homes.settled((cluster) => cluster !== 'b', limitMs)
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
      await homes.settled((cluster) => cluster === old, limitMs)
      homes.wanted = ''
      await Promise.all(['b', 'c'].map(follows))
      // Whoever still reaches the old primary's store, and only that.
      const island = await startEdge(t, pictureOf(shared.folder, 'island', [storeOf(old)]))
      await until(async () => (await island.state()).clusters.every(({ isUp, isProbed }) => isUp && isProbed))
      keptOf(old).cutOff(true)
      const cutMs = performance.now()
      const stranded = startClients({ url: island.url, count: 3, isbns, pauseMs: 50 })
      const seen = await during(async () => {
        await homes.settled((cluster) => cluster !== old, limitMs)
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

  await t.test('the checks notice a move without turns: an order that was acknowledged is lost', async () => {
    homes.isPaused = true
    const home = 'b'
    const next = 'c'
    const island = await startEdge(t, pictureOf(shared.folder, 'unfenced', [storeOf(home)]))
    // No quorum is waited for, and nobody turns from the old one before another is made the primary.
    await homes.tellAll(home, { quorum: 0, epochBy: 1 })
    await until(() => homes.isPrimary(home), 'it leads without a quorum', limitMs)
    keptOf(home).cutOff(true)
    const stranded = startClients({ url: island.url, count: 2, isbns: isbns.slice(0, 2), pauseMs: 20 })
    await until(() => stranded.acknowledged() > 5, 'orders are taken by one that is cut off', limitMs)
    await stranded.finish()
    await homes.tellAll(next, { quorum: 0, epochBy: 2 })
    await until(() => homes.isPrimary(next), 'another leads', limitMs)
    const others = kept.filter(({ name }) => name !== home)
    const urls = {
      bookDb: keptUrl(
        others.map((each) => each.address('book-db')),
        'books',
      ),
      orderDb: keptUrl(
        others.map((each) => each.address('order-db')),
        'orders',
      ),
    }
    const { lost } = await checkHistory(stranded.history, { ...shared.secrets, ...urls })
    assert.ok(lost.length > 0)
  })
})

/** A picture for an edge, in a file. @returns its URL */
function pictureOf(folder: string, name: string, stores: readonly ProcessCluster[]): string {
  const path = join(folder, `${name}.json`)
  const clusters = stores.map((each) => ({ name: each.name, url: each.url, weight: 100, takesWrites: true }))
  writeFileSync(path, JSON.stringify({ revision: 1, epoch: 1, clusters }))
  return `file://${path}`
}
