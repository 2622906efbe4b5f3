import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '#ports/database'
import { until } from '../support/until.ts'
import { type PatroniCluster, patroniMissing, startPatroni } from './patroni.ts'
import { writeAll } from './writers.ts'

const missing = patroniMissing()
if (missing !== false) assert.notEqual(process.env.CI, 'true', missing)
/** A node that is lost is missed when its lease has run out, which takes twenty seconds at the least. */
const isLong = process.env.OCTAVO_TEST_LONG === 'on'
const replicas = 4

test('Patroni with four replicas: nothing acknowledged is lost, and prepared transactions are there', {
  skip: missing,
}, async (t) => {
  const cluster = await startPatroni(t, replicas + 1)
  await using direct = await openDatabase(cluster.url, { applicationName: 'direct' })
  await using proxied = await openDatabase(cluster.proxyUrl, { applicationName: 'proxied' })
  await direct.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  const writers = [writeAll(direct, 'kept', 1), writeAll(proxied, 'kept', 1_000_001)]
  t.after(() => Promise.all(writers.map((writer) => writer.stop())))
  const all = async (count: number) => void (await Promise.all(writers.map((writer) => writer.more(count))))
  const outages = () => writers.map((writer) => Math.round(writer.outageMs()))
  await all(20)

  const strikes = [
    { what: 'switchover', strike: (leader: string) => cluster.switchover(leader) },
    { what: 'kill -9', strike: async (leader: string) => cluster.kill(leader) },
    ...(isLong
      ? [
          { what: 'frozen node', strike: async (leader: string) => cluster.freeze(leader) },
          { what: 'lost node', strike: async (leader: string) => cluster.lose(leader) },
        ]
      : []),
  ]
  for (const [index, { what, strike }] of strikes.entries()) {
    const before = await leaderOf(cluster)
    const id = `prepared-${index}`
    await direct.prepare(id, async (tx) => {
      await tx.execute(`INSERT INTO kept (n) VALUES (${-1 - index})`)
      return { kind: 'prepared' }
    })
    // Until it has written down again who is synchronous, nobody may take the lead.
    await untilSlowly(async () => (await cluster.synchronous()) === 2, 'two replicas are synchronous')
    outages()
    await strike(before)
    await all(20)
    // Patroni may as well start a server again that was only killed.
    const isOther = async () => what === 'kill -9' || ((await cluster.leader()) ?? before) !== before
    await untilSlowly(isOther, 'another one leads', cluster)
    await all(20)
    t.diagnostic(
      `${what}: ${before} → ${await cluster.leader()}, without a write for ${outages().join(' and ')} ms (all hosts, proxy)`,
    )
    // It wakes up and believes that it still leads.
    if (what === 'frozen node') cluster.thaw(before)
    await all(20)
    assert.deepEqual(await direct.prepared.inDoubt(), [id])
    await direct.prepared.commit(id)
    await leaderOf(cluster)
    await untilSlowly(async () => (await cluster.following()) >= replicas - 1, 'the replicas follow')
  }
  for (const writer of writers) await writer.stop()
  const rows = await direct.query<{ n: number }>('SELECT n FROM kept', [])
  const kept = new Set(rows.map(({ n }) => n))
  const acknowledged = writers.flatMap((writer) => writer.acknowledged)
  assert.deepEqual(
    acknowledged.filter((n) => !kept.has(n)),
    [],
  )
  strikes.forEach((_, index) => {
    assert.ok(kept.has(-1 - index))
  })
  t.diagnostic(`${acknowledged.length} acknowledged, none lost`)
})

async function leaderOf(cluster: PatroniCluster): Promise<string> {
  let leader: string | undefined
  await untilSlowly(async () => {
    leader = await cluster.leader()
    return leader !== undefined
  }, 'somebody leads')
  return leader ?? ''
}

/** A failover may take half a minute. */
async function untilSlowly(
  condition: () => Promise<boolean>,
  what: string,
  cluster?: PatroniCluster,
): Promise<void> {
  try {
    await until(condition, what, 90_000)
  } catch (error) {
    throw new Error(`${what}: ${await cluster?.described()}`, { cause: error })
  }
}
