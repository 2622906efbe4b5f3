import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { type Database, openDatabase } from '../../src/ports/database/port.ts'
import { collectorUrl, startCollector } from '../support/collector.ts'
import { monitoringToolsMissing } from '../support/monitoring-tools/prepare.ts'
import { type ReceivedLine, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { octavo, type Store, startStore } from '../support/whole-store.ts'
import { within } from '../support/within.ts'

// One whole store, whose spans and log go through a real OpenTelemetry collector with the configuration that it ships.

const skip = monitoringToolsMissing()

let store: Store
let orders: Database
let spans: readonly ReceivedSpan[]
let lines: readonly ReceivedLine[]
const cleaning: (() => unknown)[] = []
const scope = { after: (clean: () => unknown) => void cleaning.unshift(clean) }

before(async () => {
  if (skip) return
  const receiver = await startOtlpReceiver(scope)
  spans = receiver.spans
  lines = receiver.lines
  const url = await collectorUrl()
  store = await startStore(scope, 'on', {
    OCTAVO_OTLP: url,
    OCTAVO_TRACE_PERCENT: '100',
    OCTAVO_LOG_LEVEL: 'debug',
  })
  await startCollector(scope, { url, to: receiver.url, logFile: join(store.data, 'log', 'octavo.log') })
  orders = await openDatabase(secret('order-db-url'), { applicationName: 'test' })
  scope.after(() => orders[Symbol.asyncDispose]())
})
after(async () => {
  for (const clean of cleaning) await clean()
})

const secret = (name: string) => {
  const path = [join(store.data, 'secrets', name), join(store.data, 'run', name)].find(existsSync)
  assert.ok(path, `${name} is kept`)
  return readFileSync(path, 'utf8').trim()
}

/** What every order leaves that costs nothing, whatever happened on its way. */
const always = [
  ...['orders is committed', 'orders free-order issue-voucher', 'orders free-order draw-voucher'],
  ...[
    'orders free-order confirm',
    'coordinator rides in a group',
    'vouchers draw PDF',
    'vouchers put object',
    'orders object.created arrives',
  ],
]
const ofGroup = ['coordinator group', 'catalog prepare', 'orders decide and commit', 'catalog commit']

test('an order is one trace, from its request to the page that shows it', { skip }, async () => {
  const order = await placed(place(crypto.randomUUID()))
  const page = await fetch(`${store.url}/api/orders/${order.id}/events?token=${order.token}`)
  await hasSpans(order.id, [
    ...['gateway POST /api/orders', 'coordinator place order'],
    ...always,
    'gateway tell open pages',
  ])
  await page.body?.cancel()
  hangsTogether(order.id)
  await hasSpans(groupOf(order.id), ofGroup)
})

test('an order that is refused leaves no trace of an order that never was', { skip }, async () => {
  const before = new Set(spans.map(({ traceId }) => traceId))
  const refused = await place(crypto.randomUUID(), 20)
  assert.equal(refused.status, 409)
  const { id } = await placed(place(crypto.randomUUID()))
  await hasSpans(id, ['gateway POST /api/orders'])
  const isWhole = (id: string) =>
    spans.some(({ traceId, name }) => traceId === id && ['POST /api/orders', 'group'].includes(name))
  const orphans = () =>
    [...new Set(spans.map(({ traceId }) => traceId))].filter((each) => !before.has(each) && !isWhole(each))
  // What readers of before were told meanwhile belongs to traces that began before. Roles send their spans each in its
  // own time, so that a first span may come last; that of an order that never was does not come.
  await within(
    20_000,
    () => orphans().length === 0,
    () => orphans().join(),
  )
})

test('orders that ride together have each their own trace, linked with the one group', { skip }, async () => {
  const all = await Promise.all(Array.from({ length: 12 }, () => placed(place(crypto.randomUUID()))))
  for (const { id } of all) {
    await hasSpans(id, ['gateway POST /api/orders', 'coordinator place order', ...always])
    hangsTogether(id)
  }
  const groups = Map.groupBy(all, ({ id }) => groupOf(id))
  assert.ok(groups.size < all.length, `${all.length} orders in ${groups.size} groups`)
  for (const [id, members] of groups) {
    await hasSpans(id, ofGroup)
    const links = traceOf(id).find(({ name }) => name === 'group')?.links ?? []
    for (const order of members)
      assert.ok(
        links.some(({ traceId }) => traceId === order.id.replaceAll('-', '')),
        'the group names its orders',
      )
  }
})

test('an order whose coordinator died has its whole trace', { skip }, async () => {
  const key = crypto.randomUUID()
  const release = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const locking = orders.transaction(async (tx) => {
    await tx.execute('LOCK TABLE orders.decisions IN SHARE MODE')
    locked.resolve()
    await release.promise
  })
  await locked.promise
  const first = place(key).catch(() => undefined)
  const waits = () =>
    orders.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%decisions%'`,
      [],
    )
  await within(20_000, async () => ((await waits())[0]?.n ?? 0) > 0)
  process.kill(pidOf('coordinator'), 'SIGKILL')
  release.resolve()
  await locking
  await first
  let found = await place(key)
  await within(30_000, async () => {
    if (!found.ok) found = await place(key)
    return found.ok
  })
  assert.equal(found.headers.get('idempotent-replayed'), 'true', 'the first coordinator had it committed')
  const { id } = (await found.json()) as { id: string }
  await hasSpans(id, ['gateway POST /api/orders', 'coordinator find order again', ...always])
  hangsTogether(id)
  await hasSpans(groupOf(id), ['catalog prepare', 'orders decide and commit'])
})

test('the collector hands on what each role logged of an order, under its trace', { skip }, async () => {
  const { id } = await placed(place(crypto.randomUUID()))
  const about = () => lines.filter(({ traceId }) => traceId === id.replaceAll('-', ''))
  const expected = [
    'coordinator place order',
    'gateway POST /api/orders',
    'orders free-order confirm',
    'vouchers put object',
  ]
  const said = () => about().map(({ role, text }) => `${role} ${text}`)
  await within(
    30_000,
    () => expected.every((line) => said().includes(line)),
    () => said().join('\n'),
  )
})

test('one command gathers what all roles said of an order, and what OrderDb remembers', {
  skip,
}, async () => {
  const { id } = await placed(place(crypto.randomUUID()))
  await hasSpans(id, ['orders free-order confirm'])
  const told = async () => (await octavo(store, ['logs', id, '--json'])).said
  const lines = async () =>
    (await told())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>)
  const expected = [
    ...['gateway POST /api/orders', 'coordinator group', 'catalog prepare', 'catalog commit'],
    ...['orders decide and commit', 'orders free-order confirm', 'vouchers put object'],
    'order-db saga free-order done',
  ]
  const said = async () =>
    (await lines()).map(({ process, message }) => `${process?.split('.')[0]} ${message}`)
  await within(
    20_000,
    async () => {
      const all = await said()
      return expected.every((line) => all.includes(line))
    },
    async () => (await said()).join('\n'),
  )
  const traceId = id.replaceAll('-', '')
  for (const line of await lines()) if (line.orderId === id && line.level) assert.equal(line.traceId, traceId)
  const unknown = await octavo(store, ['logs', crypto.randomUUID()])
  assert.equal(unknown.code, 1)
  assert.match(unknown.said, /Nothing is known/)
  assert.equal((await octavo(store, ['logs', 'no-id'])).code, 2)
})

test('readers in the shape of a drop have what they were told', { skip }, async () => {
  const { code, said } = await octavo(store, ['load', '--readers', '30', '--seconds', '2'])
  assert.equal(code, 0, said)
  assert.match(said, /^reserve +\d+ .* 201: \d+/m)
  assert.match(said, /Every order that was acknowledged is there/)
  const nobody = await octavo(store, ['load', '--url', 'http://127.0.0.1:9', '--isbn', '9786490000034'])
  assert.equal(nobody.code, 1)
  assert.match(nobody.said, /nobody answers at http:\/\/127\.0\.0\.1:9/)
})

function traceOf(id: string): ReceivedSpan[] {
  return spans.filter(({ traceId }) => traceId === id.replaceAll('-', ''))
}

async function hasSpans(id: string, expected: readonly string[]): Promise<void> {
  const names = () => new Set(traceOf(id).map(({ role, name }) => `${role} ${name}`))
  await within(
    60_000,
    () => expected.every((name) => names().has(name)),
    () => `${[...names()].join(', ')}\nwithout ${expected.filter((name) => !names().has(name)).join(', ')}`,
  )
}

/** One span is the first, and all others hang on it. */
function hangsTogether(id: string): void {
  const [first, ...more] = traceOf(id).filter(({ parentSpanId }) => !parentSpanId)
  assert.equal(first?.name, 'POST /api/orders')
  assert.deepEqual(more, [], 'one span is the first')
  for (const span of traceOf(id)) if (span !== first) assert.equal(span.parentSpanId, first?.spanId)
}

/** The trace of the group that an order came to be in. */
function groupOf(id: string): string {
  const link = traceOf(id).find(({ name }) => name === 'is committed')?.links?.[0]
  assert.ok(link, `order ${id} is linked with its group`)
  return link.traceId
}

function pidOf(part: string): number {
  const record = JSON.parse(readFileSync(join(store.data, 'run', 'supervisor.json'), 'utf8')) as RunRecord
  const found = record.children.find(({ name }) => name === part)
  assert.ok(found, `${part} runs`)
  return found.process.pid
}

async function placed(response: Promise<Response>): Promise<{ id: string; token: string }> {
  const answered = await response
  assert.equal(answered.status, 201)
  return (await answered.json()) as { id: string; token: string }
}

function place(key: string, quantity = 1): Promise<Response> {
  return fetch(`${store.url}/api/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({
      customer: { name: 'Ada Byron', email: `${key}@example.org` },
      lines: [{ isbn: '9786490000034', quantity }],
    }),
    signal: AbortSignal.timeout(15_000),
  })
}
