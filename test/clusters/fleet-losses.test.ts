import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '#ports/database'
import { checkHistory } from '../faults/history.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { type Load, type Seen, startLoad } from './load.ts'
import { openStoreFleet, type StoreFleet, untilOff } from './ocm/open-stores.ts'

/** Real stores and databases on three clusters, that freeze, are cut off and die, and whose hub goes, while readers order. */
const hubAwaySeconds = Number(process.env.OCTAVO_HUB_AWAY_SECONDS ?? 15)
/** Traffic is off a lost cluster within three seconds; the rest is for a busy machine. */
const offLimitMs = 3_000 + 2_000

const scope = fileScope()
let on: StoreFleet
let load: Load

before(async () => {
  const rollout = { readyLimitSeconds: 120, slowPercentMax: 100 }
  on = await openStoreFleet(scope, {}, { rollout })
  const isbns = await on.addTitles([1_000_000, 1_000_000, 60])
  load = startLoad({ url: on.fleet.edge.url, isbns, count: 5, pauseMs: 150 })
  scope.after(() => load.clients.giveUp())
  await sells()
})

test('a cluster is frozen: nothing goes to it, and it comes back', (t) =>
  isOffAndBack(
    t,
    () => on.at('b').store.freeze(),
    () => on.at('b').store.thaw(),
  ))

test('the edge is cut from a cluster that the hub finds well: the same', (t) =>
  isOffAndBack(
    t,
    () => on.at('b').door.close(true),
    () => on.at('b').door.close(false),
  ))

test('a cluster is lost with all that is in it: another takes its work, and it comes back as a replica', async (t) => {
  const { kept, workload, agent } = on.at('b')
  let offMs = 0
  const beganMs = performance.now()
  const seen = await load.during(async () => {
    await Promise.all([kept.kill(), workload.setLost(true), agent.cut(true)])
    offMs = await untilOff(on.fleet, 'b')
    await on.waitFor(async () => (await on.memory())?.clusters.c?.phase === 'serving')
  })
  const replacedMs = Math.round(performance.now() - beganMs)
  t.diagnostic(`off after ${offMs} ms, replaced after ${replacedMs} ms; ${saidOf(seen)}`)
  assert.ok(offMs < offLimitMs)
  await on.waitFor(async () => isUnknown('b'))
  await kept.start()
  await workload.setLost(false)
  agent.cut(false)
  await on.waitFor(async () => {
    const { clusters = {} } = (await on.memory()) ?? {}
    const serving = Object.values(clusters).filter(({ phase }) => phase === 'serving')
    return serving.length === 2 && serving.every(({ weight }) => weight === 100)
  })
  await until(() => receives('b'), 'its server follows the primary', 60_000)
  await sells()
})

test('the databases move by the command of an operator', async (t) => {
  const seen = await load.during(async () => {
    assert.equal((await on.fleet.octavo(['move-databases', 'c'])).code, 0)
    await on.waitFor(() => on.homeAt('c'))
    await sells()
  })
  t.diagnostic(saidOf(seen))
  assert.match((await on.fleet.octavo(['status'])).said, /order-db: its primary is at c, turn 2, steady/)
})

test('the hub is gone for a while: clusters go on selling, and lose nothing when it is back', async (t) => {
  const { api, etcd } = on.hub.controlPlane.parts
  const before = await serving()
  const seen = await load.during(async () => {
    for (const part of [api, etcd]) part.signal('SIGSTOP')
    await sleep(hubAwaySeconds * 1_000)
    for (const part of [etcd, api]) part.signal('SIGCONT')
    await on.waitFor(async () => (await on.fleet.read()).status !== undefined)
    await sleep(3_000)
  })
  t.diagnostic(`${hubAwaySeconds} s: ${saidOf(seen)}`)
  assert.equal(seen.failed, 0)
  assert.deepEqual(await serving(), before)
})

test('the cluster of the databases is lost: another has them, and what was acknowledged', async (t) => {
  const seen = await load.during(async () => {
    const { kept, workload, agent } = on.at('c')
    await Promise.all([kept.kill(), workload.setLost(true), agent.cut(true)])
    await on.waitFor(async () => (await on.homeAt('a')) || (await on.homeAt('b')))
    await sells()
    await on.waitFor(() => on.servesAt('a', 'b'))
  })
  t.diagnostic(saidOf(seen))
  await load.clients.finish()
  const { lost, wrong, findings, ...counts } = await checkHistory(load.clients.history, on.shared.secrets)
  t.diagnostic(JSON.stringify({ ...counts, lost: lost.length }))
  assert.ok(counts.acknowledged > 100)
  assert.equal(counts.unanswered, 0)
  assert.deepEqual([...lost, ...wrong, ...findings], [])
})

const saidOf = ({ orders, failed, longestWithoutMs, reasons }: Seen) =>
  `${orders} orders, ${failed} tries failed ${JSON.stringify(reasons)}, ${longestWithoutMs} ms without a sale`

async function sells(): Promise<void> {
  const sold = load.clients.acknowledged()
  await until(() => load.clients.acknowledged() > sold + 5, 'orders are taken', 120_000)
}

async function isOffAndBack(
  t: { diagnostic(text: string): void },
  harm: () => void,
  heal: () => void,
): Promise<void> {
  const before = await on.fleet.edge.cluster('b')
  let offMs = 0
  const seen = await load.during(async () => {
    harm()
    offMs = await untilOff(on.fleet, 'b')
    const { requests } = await on.fleet.edge.cluster('b')
    await sleep(5_000)
    assert.equal((await on.fleet.edge.cluster('b')).requests, requests, 'nothing was sent to it')
    heal()
    await until(
      async () => (await on.fleet.edge.cluster('b')).requests > requests,
      'it is asked again',
      60_000,
    )
  })
  const { rerouted } = await on.fleet.edge.cluster('b')
  t.diagnostic(`off after ${offMs} ms, ${rerouted - before.rerouted} went elsewhere; ${saidOf(seen)}`)
  assert.ok(offMs < offLimitMs)
  assert.ok(await on.servesAt('a', 'b'))
}

async function serving(): Promise<string[]> {
  const { clusters = {} } = (await on.memory()) ?? {}
  return Object.entries(clusters).flatMap(([name, { phase }]) => (phase === 'serving' ? [name] : []))
}

/** Whether a cluster's server of OrderDb gets what the primary writes. */
async function receives(name: string): Promise<boolean> {
  const options = { applicationName: 'by hand', connectionsMax: 1 }
  await using database = await openDatabase(on.shared.secrets.orderDb, options)
  const sql = `SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'`
  return (await database.query(sql, [name])).length > 0
}

/** As the hub has it, which has not heard of the cluster's lease. */
async function isUnknown(name: string): Promise<boolean> {
  type Managed = { status?: { conditions?: { type: string; status: string }[] } }
  const path = `/apis/cluster.open-cluster-management.io/v1/managedclusters/${name}`
  const { status } = (await on.hub.controlPlane.api.get<Managed>(path)) ?? {}
  const available = status?.conditions?.find(({ type }) => type === 'ManagedClusterConditionAvailable')
  return available?.status === 'Unknown'
}
