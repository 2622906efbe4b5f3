import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { request } from 'undici'
import { openDatabase } from '#ports/database'
import { addTitles } from '../faults/titles.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { storeNamespace, untilLong } from './install-store.ts'
import { type Follower, followOrder } from './load.ts'
import {
  beginStory,
  type Deployment,
  deploymentsPath,
  openStoreOnNodes,
  type StoreOnNodes,
} from './store-on-nodes.ts'

/** The whole store, installed by its chart on three nodes that run its pods for real. */
const scope = fileScope()
let on: StoreOnNodes

before(async () => {
  on = await openStoreOnNodes(scope)
})

test('an order is placed, becomes a voucher and is redeemed through the Service of the gateway', async () => {
  const [isbn = ''] = await addTitles(on.store, [10])
  const order = await call('POST', '/api/orders', {
    headers: { 'idempotency-key': 'first-on-the-cluster' },
    body: { customer: { name: 'Ada Byron', email: 'ada@example.org' }, lines: [{ isbn, quantity: 1 }] },
  })
  assert.equal(order.status, 201, JSON.stringify(order.body))
  const headers = { authorization: `Bearer ${order.body.token}` }
  const path = `/api/orders/${order.body.id}`
  const paid = await call('POST', `${path}/payment`, {
    headers,
    body: { method: 'test', card: '4242424242424242' },
  })
  assert.equal(paid.status, 202)
  let voucher = { code: '', url: '' }
  await until(async () => {
    const { body } = await call('GET', path, { headers })
    voucher = body.vouchers?.[0] ?? voucher
    return body.status === 'confirmed'
  })
  const pdf = await request(
    on.store.url + new URL(voucher.url, on.store.url).pathname + new URL(voucher.url, on.store.url).search,
  )
  assert.equal((await pdf.body.text()).slice(0, 5), '%PDF-')
  const session = await call('POST', '/api/session', {
    headers: { accept: 'application/json' },
    body: on.store.staff,
  })
  const till = { authorization: `Bearer ${session.body.token}` }
  assert.equal((await call('POST', `/api/vouchers/${voucher.code}/redeem`, { headers: till })).status, 200)
  assert.equal((await call('POST', `/api/vouchers/${voucher.code}/redeem`, { headers: till })).status, 409)
})

test('one pod sweeps at a time: another does when it dies or freezes, and the database refuses the one that wakes', async (t) => {
  const database = await openDatabase(on.store.secrets.orderDb, {
    applicationName: 'by hand',
    connectionsMax: 1,
  })
  // Enough to walk over for as long as this takes, and a record of each step by the turn that made it.
  await database.execute(`INSERT INTO orders.vouchers (code, order_id, number, isbn, title, status)
    SELECT 'SWEPT' || lpad(i::text, 6, '0'), (SELECT id FROM orders.orders LIMIT 1), 1000 + i, '9780000000002', 'Swept', 'revoked'
      FROM generate_series(1, 20000) AS i`)
  await database.execute(
    'CREATE TABLE steps (id bigint GENERATED ALWAYS AS IDENTITY, number bigint, place text)',
  )
  await database.execute(`CREATE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.steps (number, place) VALUES (new.number, new.place); RETURN new; END $$`)
  await database.execute(`CREATE TRIGGER note_step AFTER UPDATE OF place ON orders.fences FOR EACH ROW
    WHEN (new.name = 'sweeper') EXECUTE FUNCTION note_step()`)
  t.after(async () => {
    await database.execute(`DROP FUNCTION note_step CASCADE`)
    await database.execute(`DELETE FROM orders.vouchers WHERE code LIKE 'SWEPT%'`)
    await database[Symbol.asyncDispose]()
  })
  const lastStep = async () => {
    const [step] = await database.query<{ number: number; place: string }>(
      'SELECT number::int, place FROM steps ORDER BY id DESC LIMIT 1',
    )
    return step ?? { number: 0, place: '' }
  }
  const path = `/apis/coordination.k8s.io/v1/namespaces/${storeNamespace}/leases/octavo-sweeper`
  type Lease = { spec: { holderIdentity: string } }
  const holder = async () => {
    const name = (await on.cluster.controlPlane.api.get<Lease>(path))?.spec.holderIdentity.split('_')[0]
    const pod = on.nodes.flatMap((node) => node.pods()).find((each) => each.pod.metadata.name === name)
    return pod?.processes()[0]
  }
  const untilNext = async (number: number) =>
    untilLong(async () => (await lastStep()).number > number, on.store.describe)
  await untilNext(0)
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const before = await lastStep()
    const process = await holder()
    assert.ok(process, 'the lease says whose turn it is')
    process.signal(signal)
    await untilNext(before.number)
    const after = await lastStep()
    assert.ok(after.place >= before.place || after.place === '', `${before.place}, then ${after.place}`)
    process.signal('SIGCONT')
    // Long enough for the one that woke to have tried its next step.
    await untilLong(async () => (await lastStep()).place !== after.place, on.store.describe)
  }
  const outOfTurn = await database.query(
    `SELECT * FROM (SELECT number, max(number) OVER (ORDER BY id) AS latest FROM steps) AS s WHERE number < latest`,
  )
  assert.deepEqual(outOfTurn, [])
  await untilLong(on.store.rolledOut, on.store.describe)
})

test('what somebody writes to BookDb by hand is heard by one pod of catalog, and shown', async () => {
  const [isbn = ''] = await addTitles(on.store, [10])
  const database = await openDatabase(on.store.secrets.bookDb, {
    applicationName: 'by hand',
    connectionsMax: 1,
  })
  scope.after(() => database[Symbol.asyncDispose]())
  const title = async () => (await call('GET', `/api/books/${isbn}`)).body.title
  await until(async () => (await title()) !== undefined)
  const slots = 'SELECT count(*)::int AS n FROM pg_replication_slots WHERE active'
  await until(async () => (await database.query<{ n: number }>(slots))[0]?.n === 1)
  await database.execute('UPDATE catalog.books SET title = $1 WHERE isbn = $2', ['Written by hand', isbn])
  await until(async () => (await title()) === 'Written by hand')
})

test('pods killed, nodes drained, a version rolled out and back, scaled up and down: no order fails twice, none is lost', async (t) => {
  const story = await beginStory(t, on)
  const followed = await followOrders(story.isbns[0] ?? '', 8)
  for (const { follower } of followed) t.after(() => follower[Symbol.asyncDispose]())
  await story.part('kill -9 of one pod of each role', async () => {
    for (const role of ['gateway', 'coordinator', 'catalog', 'orders', 'vouchers']) {
      on.processesOf(role)[0]?.signal('SIGKILL')
      await story.missed()
      await story.settled()
    }
  })
  await payAll(followed)
  await story.gentlePart('drain of two nodes at once', drainTwo)
  await story.gentlePart('upgrade', () => on.store.upgrade(['image.tag=1.1.0']))
  await story.gentlePart('rollback', () => on.store.rollback(1))
  await story.gentlePart('2 to 6', () => scale(6))
  await story.gentlePart('6 to 2', () => scale(2))
  await story.part('loss of a node', async () => {
    await on.nodes[1]?.lose()
    await story.missed()
  })
  await story.end()
  await until(() => followed.every(({ follower }) => follower.status() === 'confirmed'))
  for (const { follower } of followed)
    assert.deepEqual([...follower.ids].sort(byNumber), follower.ids, 'events come once and in their order')
})

const byNumber = (a: string, b: string) => (BigInt(a) < BigInt(b) ? -1 : 1)

/** Both at once, as when a whole rack is looked after: the budgets have them wait for each other. */
async function drainTwo(): Promise<void> {
  const stop = new AbortController()
  const fewest = watchFewest(stop.signal)
  const flags = ['--delete-emptydir-data', '--force', '--timeout=170s']
  const drained = await Promise.all(['a', 'b'].map((node) => on.cluster.kubectl(['drain', node, ...flags])))
  for (const { code, err } of drained) assert.equal(code, 0, err)
  stop.abort()
  const said = drained.map(({ err }) => err).join('\n')
  assert.match(said, /violate the pod's disruption budget/, 'nobody had to wait')
  const seen = await fewest
  console.log(`  fewest ready while two nodes were drained: ${JSON.stringify(seen)}`)
  for (const [name, ready] of Object.entries(seen)) assert.ok(ready >= 1, `${name}: ${ready} were ready`)
  for (const node of ['a', 'b']) await on.cluster.kubectl(['uncordon', node])
}

/** The fewest pods of each role that were ready at any moment, of roles that are several. */
async function watchFewest(stop: AbortSignal): Promise<Record<string, number>> {
  const fewest: Record<string, number> = {}
  while (!stop.aborted) {
    const { items } = (await on.cluster.controlPlane.api.get<{ items: Deployment[] }>(deploymentsPath)) ?? {
      items: [],
    }
    for (const { metadata, spec, status } of items)
      if (spec.replicas > 1)
        fewest[metadata.name] = Math.min(fewest[metadata.name] ?? spec.replicas, status.readyReplicas ?? 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return fewest
}

async function scale(replicas: number): Promise<void> {
  const names = ['gateway', 'catalog', 'orders'].map((role) => `deployment/octavo-${role}`)
  const flags = [`--namespace=${storeNamespace}`, `--replicas=${replicas}`]
  const { code, err } = await on.cluster.kubectl(['scale', ...names, ...flags])
  assert.equal(code, 0, err)
}

type Followed = { id: string; token: string; follower: Follower }

async function followOrders(isbn: string, count: number): Promise<Followed[]> {
  const orders = Array.from({ length: count }, async (_, i) => {
    const { body } = await call('POST', '/api/orders', {
      headers: { 'idempotency-key': `followed-order-${i}` },
      body: { customer: { name: 'Ada Byron', email: 'ada@example.org' }, lines: [{ isbn, quantity: 1 }] },
    })
    return { id: body.id, token: body.token, follower: followOrder(on.store.url, body.id, body.token) }
  })
  return Promise.all(orders)
}

async function payAll(followed: readonly Followed[]): Promise<void> {
  for (const { id, token } of followed) {
    const { status } = await call('POST', `/api/orders/${id}/payment`, {
      headers: { authorization: `Bearer ${token}` },
      body: { method: 'test', card: '4242424242424242' },
    })
    assert.equal(status, 202)
  }
}

type Body = {
  title?: string
  id: string
  token: string
  status: string
  vouchers?: { code: string; url: string }[]
}

async function call(
  method: 'GET' | 'POST',
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: object } = {},
): Promise<{ status: number; body: Body }> {
  const answer = await request(on.store.url + path, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    body: body ? JSON.stringify(body) : null,
    signal: AbortSignal.timeout(10_000),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, body: text === '' ? ({} as Body) : (JSON.parse(text) as Body) }
}
