import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { innerMetricsToken } from '#ports/http'
import { dashboards, queriesOf } from '../../deploy/monitoring/dashboards/all.ts'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { type Monitoring, monitoringMissing, startMonitoring } from '../../src/local/monitoring.ts'
import { type Database, openDatabase } from '../../src/ports/database/port.ts'
import { redisMissing, startRedis } from '../support/redis.ts'
import { shortenedRules } from '../support/shortened-rules.ts'
import { type Store, startStore } from '../support/whole-store.ts'
import { within } from '../support/within.ts'
import { plantedFaults, type Victim } from './planted-faults.ts'
import { own } from './titles.ts'

// One whole store, watched by a real Prometheus with the rules it has in production, only that they wait less long.

const timesFaster = 10
const missing = [...monitoringMissing(), ...(redisMissing() ? ['redis-server'] : [])]
if (missing.length > 0) assert.notEqual(process.env.CI, 'true', `apt-get install ${missing.join(' ')}`)
const skip = missing.length > 0 ? `not on this machine: apt-get install ${missing.join(' ')}` : false

let store: Store
let monitoring: Monitoring
let orders: Database
let victim: Victim
const cleaning: (() => unknown)[] = []
const scope = { after: (clean: () => unknown) => void cleaning.unshift(clean) }

before(async () => {
  if (skip) return
  const redis = await startRedis(scope)
  const ports = { prometheus: await freeInnerPort(), alertmanager: await freeInnerPort() }
  store = await startStore(scope, 'on', {
    OCTAVO_CACHE: `redis://127.0.0.1:${redis.port}`,
    OCTAVO_ALERTMANAGER: `http://127.0.0.1:${ports.alertmanager}`,
  })
  orders = await openDatabase(fileText('order-db-url'), { applicationName: 'test' })
  scope.after(() => orders[Symbol.asyncDispose]())
  const noted = JSON.parse(readFileSync(join(store.data, 'run', 'environment.json'), 'utf8'))
  monitoring = await startMonitoring({
    registry: new URL(noted.env.OCTAVO_DISCOVERY).host,
    metricsToken: innerMetricsToken(fileText('secret')),
    folder: join(store.data, 'monitoring'),
    ports,
    everySeconds: 2,
    rules: shortenedRules(timesFaster),
  })
  scope.after(() => monitoring[Symbol.asyncDispose]())
  // Enough for days of any length.
  await own(store, freeTitle, 1_000_000)
  const { url, data } = store
  const priced = await pricedTitle()
  const parts = { coordinator, query, orders, redis, place: placeOrder, priced, confirmed: confirmedOrder }
  victim = { url, data, secret: fileText('secret'), ...parts }
})
after(async () => {
  for (const clean of cleaning) await clean()
})

const fileText = (name: string) => {
  const path = [join(store.data, 'secrets', name), join(store.data, 'run', name)].find(existsSync)
  assert.ok(path, `${name} is kept`)
  return readFileSync(path, 'utf8').trim()
}

test('Prometheus reads every role, and has every series that the rules speak of', { skip }, async () => {
  await within(30_000, async () => {
    const up = await query('sum by (role) (up)')
    return ['gateway', 'coordinator', 'catalog', 'orders', 'vouchers', 'registry'].every((role) =>
      up.some(({ metric, value }) => metric.role === role && Number(value[1]) > 0),
    )
  })
  const text = readFileSync(
    join(import.meta.dirname, '..', '..', 'deploy', 'chart', 'files', 'rules.yaml'),
    'utf8',
  )
  const rules = (parse(text) as { groups: { rules: { expr: string }[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  )
  const named = new Set(rules.flatMap(({ expr }) => expr.match(/\b(octavo|http_server|nodejs)_\w+/g) ?? []))
  // These appear when there is something to count, or beside an audit, a fault switch, replicas, a warehouse,
  // RabbitMQ.
  const later = [
    'octavo_audit_findings',
    'octavo_broker_blocked',
    'octavo_fault_switch',
    'octavo_payment_seconds_count',
    'octavo_saga_oldest_seconds',
    ...['octavo_replica_lag_seconds', 'octavo_archive_failing', 'octavo_backup_timestamp_seconds'],
    ...['octavo_warehouse_age_seconds', 'octavo_warehouse_disagreements'],
  ]
  const absent = async () => {
    const looked = [...named].filter((name) => !later.includes(name))
    const found = await Promise.all(
      looked.map(async (name) => ((await query(name)).length > 0 ? [] : [name])),
    )
    return found.flat()
  }
  // Dead letters are looked for twice a minute.
  await within(
    60_000,
    async () => (await absent()).length === 0,
    async () => (await absent()).join(),
  )
})

test('no panel of a dashboard is empty', { skip }, async () => {
  await somethingOfEverything()
  assert.deepEqual(await query('octavo_misspelt_total'), [], 'what is not there is seen to be empty')
  const asked = Object.entries(dashboards).flatMap(([name, board]) =>
    queriesOf(board).map(({ panel, expression }) => ({ name: `${name}: ${panel}`, expression })),
  )
  const empty = async () => {
    const found = await Promise.all(
      asked.map(async ({ name, expression }) =>
        (await query(expression.replaceAll('$__rate_interval', '1m'))).length > 0
          ? []
          : [`${name}: ${expression}`],
      ),
    )
    return found.flat()
  }
  await within(
    60_000,
    async () => (await empty()).length === 0,
    async () => (await empty()).join('\n'),
  )
})

/** Half an hour of ordinary days is for OCTAVO_QUIET_MINUTES=30; every run has a little of it. */
const quietMinutes = Number(process.env.OCTAVO_QUIET_MINUTES ?? 0.2)

test('a store that is well and sells is quiet', { skip }, async () => {
  await within(60_000, isQuiet, whatFires)
  const endMs = performance.now() + quietMinutes * 60_000
  while (performance.now() < endMs) {
    await placeFreeOrder()
    for (let i = 0; i < 5; i++) await (await fetch(`${store.url}/api/books?limit=5`)).arrayBuffer()
    await sleep(1_000)
    assert.deepEqual(await firing(), [])
  }
})

for (const faults of plantedFaults)
  test(`${names(faults)}: the alert of each fires and none that does not follow, and it clears`, {
    skip,
  }, async () => {
    await within(60_000, isQuiet, whatFires)
    const mend: (() => Promise<unknown>)[] = []
    try {
      for (const { plant } of faults) mend.push(await plant(victim))
      const fires = faults.map((fault) => fault.fires)
      const all = (told: readonly string[]) => fires.every((name) => told.includes(name))
      await within(90_000, async () => all(await firing()), whatFires)
      await within(20_000, async () => all(await alerted()))
      await within(20_000, async () => all(await shown()))
      const may = [...fires, ...faults.flatMap(({ mayAlso }) => mayAlso)]
      assert.deepEqual(
        (await firing()).filter((name) => !may.includes(name)),
        [],
        'the others are quiet',
      )
    } finally {
      for (const each of mend) await each()
    }
    await within(120_000, isQuiet, whatFires)
  })

function names(faults: readonly { name: string }[]): string {
  return faults.map(({ name }) => name).join(', ')
}

/** What the System page tells an operator. */
async function shown(): Promise<string[]> {
  const json = { 'content-type': 'application/json', accept: 'application/json' }
  const session = { method: 'POST', headers: json, body: JSON.stringify(store.staff) }
  token ??= ((await (await fetch(`${store.url}/api/session`, session)).json()) as { token: string }).token
  const answer = await fetch(`${store.url}/api/system`, { headers: { authorization: `Bearer ${token}` } })
  if (!answer.ok) return []
  const { alerts } = (await answer.json()) as { alerts: { firing: { name: string }[] } }
  return alerts.firing.map(({ name }) => name)
}

let token: string | undefined

const isQuiet = async () => (await firing()).length === 0
const whatFires = async () => (await firing()).join(', ')

/** Of those that cost something, the title with the most copies. */
async function pricedTitle(): Promise<string> {
  const list = await fetch(`${store.url}/api/books?available=true&limited=false&minPrice=1&limit=100`)
  const { items } = (await list.json()) as { items: { isbn: string; availability: { available: number } }[] }
  const [most] = items.sort((a, b) => b.availability.available - a.availability.available)
  assert.ok(most)
  return most.isbn
}

async function confirmedOrder(): Promise<string> {
  const { id } = await placeFreeOrder()
  await within(30_000, async () => (await statusOf(id)) === 'confirmed' && (await sagasOf(id)) === 0)
  return id
}

async function coordinator(): Promise<string> {
  const [up] = await query('up{role="coordinator"} == 1')
  assert.ok(up, 'a coordinator is there')
  return `http://${up.metric.instance}`
}

/** What a day in a shop has: reads, an order that costs nothing, one that is paid, a page that follows it. */
async function somethingOfEverything(): Promise<void> {
  const isbn = victim.priced
  // Twice: a rate has to see a number grow.
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3; i++) await (await fetch(`${store.url}/api/books/${isbn}`)).arrayBuffer()
    const [free, paid] = [await placeFreeOrder(), await placeOrder(isbn)]
    const payment = await fetch(`${store.url}/api/orders/${paid.id}/payment`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${paid.token}` },
      body: JSON.stringify({ method: 'test', card: '4242424242424242' }),
    })
    assert.equal(payment.status, 202)
    for (const { id } of [free, paid]) await within(30_000, async () => (await statusOf(id)) === 'confirmed')
    await sleep(3_000)
  }
}

const freeTitle = '9786490000034'
const placeFreeOrder = () => placeOrder(freeTitle)

async function placeOrder(isbn: string): Promise<{ id: string; token: string }> {
  const response = await fetch(`${store.url}/api/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({
      customer: { name: 'Ada Byron', email: `${crypto.randomUUID()}@example.org` },
      lines: [{ isbn, quantity: 1 }],
    }),
  })
  assert.equal(response.status, 201)
  return (await response.json()) as { id: string; token: string }
}

/** Sagas of an order that are at work. */
async function sagasOf(id: string): Promise<number> {
  const rows = await orders.query(
    `SELECT FROM orders.sagas WHERE order_id = $1 AND state IN ('running', 'compensating')`,
    [id],
  )
  return rows.length
}

async function statusOf(id: string): Promise<string | undefined> {
  const rows = await orders.query<{ status: string }>('SELECT status FROM orders.orders WHERE id = $1', [id])
  return rows[0]?.status
}

type Sample = { metric: Record<string, string>; value: [number, string] }

async function query(expression: string): Promise<Sample[]> {
  const asked = new URLSearchParams({ query: expression })
  const response = await fetch(`${monitoring.prometheus}/api/v1/query?${asked}`)
  return ((await response.json()) as { data: { result: Sample[] } }).data.result
}

async function firing(): Promise<string[]> {
  const samples = await query('ALERTS{alertstate="firing"}')
  return [...new Set(samples.map(({ metric }) => metric.alertname ?? ''))].sort()
}

async function alerted(): Promise<string[]> {
  const response = await fetch(`${monitoring.alertmanager}/api/v2/alerts`)
  return ((await response.json()) as { labels: { alertname: string } }[]).map(
    ({ labels }) => labels.alertname,
  )
}
