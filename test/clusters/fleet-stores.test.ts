import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { version } from '#config'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { checkHistory } from '../faults/history.ts'
import { addTitles } from '../faults/titles.ts'
import { edgeSecret } from '../support/edge.ts'
import { type KeptCluster, keptUrl, openKeptCluster } from '../support/kept-cluster.ts'
import { openProcessCluster, type ProcessCluster, sharedParts } from '../support/process-cluster.ts'
import { until } from '../support/until.ts'
import { untilLong } from './install-store.ts'
import { startLoad } from './load.ts'
import { nextVersion } from './next-version.ts'
import { startAgent } from './ocm/agent.ts'
import { openFleet } from './ocm/open-fleet.ts'
import { runStores, type StoreWorkload } from './ocm/store-workload.ts'
import { manifestsOf } from './ocm/workload.ts'
import { openCluster } from './open-cluster.ts'

/** Real stores and real databases in three clusters, under the controller of a hub. Five minutes: OCTAVO_HUB_AWAY_SECONDS=300. */
const hubAwaySeconds = Number(process.env.OCTAVO_HUB_AWAY_SECONDS ?? 15)
const next = '1.1.0'
const ends: (() => unknown)[] = []
const scope = { after: (work: () => unknown) => void ends.push(work) }
const databases = { 'order-db': 'orders', 'book-db': 'books' } as const
after(async () => {
  for (const end of ends.toReversed()) await end()
})

test('a fleet of real stores: a version moves over it, its databases move, its hub goes, and a cluster is lost', {
  timeout: 1_000_000,
}, async (t) => {
  const kept = await Promise.all(['a', 'b', 'c'].map((name) => openKeptCluster(scope, name, edgeSecret)))
  for (const each of kept) await each.start()
  const all = (database: KeptDatabase) =>
    keptUrl(
      kept.map((each) => each.address(database)),
      databases[database],
    )
  const shared = sharedParts(scope, all('book-db'), all('order-db'), edgeSecret)
  const stores = await Promise.all(kept.map(({ name }) => openProcessCluster(scope, name, shared)))
  const cluster = await openCluster(scope)
  const newer = await nextVersion(join(cluster.folder, 'next'))
  symlinkSync(join(import.meta.dirname, '..', '..', 'node_modules'), join(newer, 'node_modules'))
  const mains = { [version]: '', [next]: join(newer, 'src', 'main.ts') }
  const fleet = await openFleet(scope, cluster, specOf(kept, stores))
  await fleet.addVersion(version, { orders: { version: 1, oldest: 1 } }, manifestsOf(version))
  await fleet.addVersion(next, { orders: { version: 2, oldest: 1 } }, manifestsOf(next))
  const workloads = new Map<string, StoreWorkload>()
  for (const store of stores) {
    const spoke = { api: cluster.controlPlane.api, namespace: `spoke-${store.name}` }
    await spoke.api.send('POST', '/api/v1/namespaces', { metadata: { name: spoke.namespace } })
    workloads.set(store.name, runStores(scope, spoke, store, mains))
    const agent = startAgent({ hub: cluster.controlPlane, name: store.name, folder: cluster.folder, spoke })
    scope.after(() => agent[Symbol.asyncDispose]())
  }
  const controller = await fleet.startController()
  scope.after(() => controller[Symbol.asyncDispose]())
  const memory = async () => (await fleet.read()).status?.memory
  const story = async () => JSON.stringify((await fleet.read()).status, null, 1)
  const servesAt = async (...names: string[]) => {
    const { clusters } = (await memory()) ?? {}
    return names.every((name) => clusters?.[name]?.phase === 'serving' && clusters[name].weight === 100)
  }
  const homeAt = async (name: string) => {
    const { homes = {} } = (await memory()) ?? {}
    return keptDatabases.every((each) => homes[each]?.step === 'settled' && homes[each].cluster === name)
  }
  await untilLong(() => servesAt('a', 'b'), story)
  const isbns = await addTitles({ url: fleet.edge.url, staff: shared.staff }, [1_000_000, 1_000_000, 60])
  const { clients, during } = startLoad({ url: fleet.edge.url, isbns, count: 3, pauseMs: 200 })
  const sells = async () => {
    const before = clients.acknowledged()
    await until(() => clients.acknowledged() > before + 5, 'orders are taken', 120_000)
  }
  await sells()

  await t.test('a version moves over the clusters, one by one', async (t) => {
    const seen = await during(async () => {
      await fleet.want({ version: next })
      await untilLong(async () => (await memory())?.goodVersion === next, story)
    })
    t.diagnostic(`${seen.orders} orders, ${seen.failed} tries failed ${JSON.stringify(seen.reasons)}`)
    assert.equal(seen.failed, 0)
    assert.deepEqual(
      ['a', 'b'].map((name) => workloads.get(name)?.version()),
      [next, next],
    )
  })

  await t.test('the databases move by the command of an operator', async (t) => {
    const seen = await during(async () => {
      assert.equal((await fleet.octavo(['move-databases', 'b'])).code, 0)
      await untilLong(() => homeAt('b'), story)
      await sells()
    })
    t.diagnostic(
      `${seen.orders} orders, ${seen.failed} tries failed, ${seen.longestWithoutMs} ms without a sale`,
    )
    assert.match((await fleet.octavo(['status'])).said, /order-db: its primary is at b, turn 2, settled/)
  })

  await t.test(
    'the hub is gone for a while: clusters go on selling, and lose nothing when it is back',
    async (t) => {
      const { api, etcd } = cluster.controlPlane.parts
      const seen = await during(async () => {
        for (const part of [api, etcd]) part.signal('SIGSTOP')
        await sleep(hubAwaySeconds * 1_000)
        for (const part of [etcd, api]) part.signal('SIGCONT')
        await untilLong(async () => await servesAt('a', 'b').catch(() => false), story)
        await sleep(3_000)
      })
      t.diagnostic(`${hubAwaySeconds} s: ${seen.orders} orders, ${seen.failed} tries failed`)
      assert.equal(seen.failed, 0)
      assert.ok(await servesAt('a', 'b'))
    },
  )

  await t.test(
    'the cluster of the databases is lost: another has them, and a third one its work',
    async (t) => {
      const seen = await during(async () => {
        const lost = kept.find(({ name }) => name === 'b') as KeptCluster
        await Promise.all([lost.kill(), workloads.get('b')?.setLost(true)])
        await untilLong(
          async () => !(await homeAt('b')) && ((await homeAt('a')) || (await homeAt('c'))),
          story,
        )
        await sells()
        await untilLong(() => servesAt('a', 'c'), story)
      })
      t.diagnostic(
        `${seen.orders} orders, ${seen.failed} tries failed, ${seen.longestWithoutMs} ms without a sale`,
      )
    },
  )

  await clients.finish()
  const verdict = await checkHistory(clients.history, shared.secrets)
  t.diagnostic(`${verdict.acknowledged} orders acknowledged, ${verdict.lost.length} lost`)
  assert.ok(verdict.acknowledged > 60)
  assert.deepEqual([...verdict.lost, ...verdict.wrong, ...verdict.findings], [])
})

function specOf(kept: readonly KeptCluster[], stores: readonly ProcessCluster[]) {
  return {
    ...{ version, clustersMin: 2, databases: { home: 'a', lostAfterSeconds: 2 } },
    clusters: stores.map(({ name, url }, ring) => {
      const own = kept.find((each) => each.name === name) as KeptCluster
      const keeper = { url: own.keeperUrl, orderDb: own.address('order-db'), bookDb: own.address('book-db') }
      return { name, url, ring, keeper, ordersPerSecond: 1_000, production: false, approvedBy: ['ada'] }
    }),
    rollout: { canaryPercent: 20, soakSeconds: 3, ordersMin: 5, readyLimitSeconds: 120, slowPercentMax: 100 },
  }
}
