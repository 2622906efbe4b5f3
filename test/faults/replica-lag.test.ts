import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { innerMetricsToken } from '#ports/http'
import { addressesIn } from '#ports/postgres'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { monitoringMissing, startMonitoring } from '../../src/local/monitoring.ts'
import { shortenedRules } from '../support/shortened-rules.ts'
import { type Store, startStore } from '../support/whole-store.ts'
import { within } from '../support/within.ts'

// A store whose databases each have a replica; that of OrderDb stops to apply what it is sent.

const missing = monitoringMissing()
if (missing.length > 0) assert.notEqual(process.env.CI, 'true', `apt-get install ${missing.join(' ')}`)
const skip = missing.length > 0 ? `not on this machine: apt-get install ${missing.join(' ')}` : false

const cleaning: (() => unknown)[] = []
const scope = { after: (clean: () => unknown) => void cleaning.unshift(clean) }
after(async () => {
  for (const clean of cleaning) await clean()
})

test('a replica that falls behind fires OctavoReplicaLag alone, and it clears', { skip }, async () => {
  const store = await startStore(scope, 'on', { OCTAVO_REPLICAS: '1' })
  const fileText = (name: string) => {
    const path = [join(store.data, 'secrets', name), join(store.data, 'run', name)].find(existsSync)
    assert.ok(path, `${name} is kept`)
    return readFileSync(path, 'utf8').trim()
  }
  const noted = JSON.parse(readFileSync(join(store.data, 'run', 'environment.json'), 'utf8'))
  const monitoring = await startMonitoring({
    registry: new URL(noted.env.OCTAVO_DISCOVERY).host,
    metricsToken: innerMetricsToken(fileText('secret')),
    folder: join(store.data, 'monitoring'),
    ports: { prometheus: await freeInnerPort(), alertmanager: await freeInnerPort() },
    everySeconds: 2,
    rules: shortenedRules(10),
  })
  scope.after(() => monitoring[Symbol.asyncDispose]())
  const query = async (expression: string) => {
    const asked = new URLSearchParams({ query: expression })
    const response = await fetch(`${monitoring.prometheus}/api/v1/query?${asked}`)
    return ((await response.json()) as { data: { result: { metric: Record<string, string> }[] } }).data.result
  }
  const firing = async () => {
    const alerts = await query('ALERTS{alertstate="firing"}')
    return [...new Set(alerts.map(({ metric }) => metric.alertname ?? ''))].sort()
  }
  const whatFires = async () => (await firing()).join(', ')
  await within(90_000, async () => (await query('octavo_replica_lag_seconds')).length > 0)
  await within(60_000, async () => (await firing()).length === 0, whatFires)

  const replica = await replicaOf(fileText('order-db-url'))
  try {
    await replica.query('SELECT pg_wal_replay_pause()')
    await within(
      90_000,
      async () => {
        await placeOrder(store)
        return (await firing()).includes('OctavoReplicaLag')
      },
      whatFires,
    )
    assert.deepEqual(await firing(), ['OctavoReplicaLag'], 'the others are quiet')
  } finally {
    await replica.query('SELECT pg_wal_replay_resume()')
    await replica.end()
  }
  await within(60_000, async () => (await firing()).length === 0, whatFires)
})

async function replicaOf(url: string): Promise<pg.Client> {
  for (const connectionString of addressesIn(url)) {
    const client = new pg.Client({ connectionString })
    await client.connect()
    const { rows } = await client.query('SELECT pg_is_in_recovery() AS replica')
    if (rows[0]?.replica) return client
    await client.end()
  }
  assert.fail('there is no replica')
}

/** A store on a busy machine is asked again for so long, as its readers do. */
const askLimitMs = 30_000

async function placeOrder({ url }: Store): Promise<void> {
  const key = crypto.randomUUID()
  const ask = () =>
    fetch(`${url}/api/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({
        customer: { name: 'Ada Byron', email: `${key}@example.org` },
        lines: [{ isbn: '9786490000034', quantity: 1 }],
      }),
    })
  const giveUpMs = performance.now() + askLimitMs
  let answer = await ask()
  while (answer.status === 503 && performance.now() < giveUpMs) {
    await sleep(250)
    answer = await ask()
  }
  assert.ok(answer.status === 201 || answer.status === 409, `${answer.status}`)
}
