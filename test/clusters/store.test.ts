import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { checkHistory } from '../faults/history.ts'
import { addTitles } from '../faults/titles.ts'
import { until } from '../support/until.ts'
import { type ClusterStore, installStore, storeImages, storeNamespace, untilLong } from './install-store.ts'
import { type Follower, followOrder, startLoad } from './load.ts'
import { nextVersion } from './next-version.ts'
import { startNode, type TestNode } from './node/start-node.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'
import { startServiceProxy } from './service-proxy.ts'

/** The whole store, installed by its chart on three nodes that run its pods for real. */
const ends: (() => unknown)[] = []
let cluster: TestCluster
let store: ClusterStore
const nodes: TestNode[] = []

before(async () => {
  const scope = { after: (work: () => unknown) => void ends.push(work) }
  cluster = await openCluster(scope, { nodeGraceSeconds: 25, evictionSeconds: 2 })
  const images = storeImages({ '1.1.0': await nextVersion(join(cluster.folder, 'next')) })
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    const node = await startNode({
      ...{ controlPlane: cluster.controlPlane, name, zone: `zone-${name}` },
      ...{ addresses: `10.244.${index + 1}`, folder: join(cluster.folder, name), images },
    })
    ends.push(() => node[Symbol.asyncDispose]())
    nodes.push(node)
  }
  const proxy = await startServiceProxy(cluster.controlPlane)
  ends.push(() => proxy[Symbol.asyncDispose]())
  store = await installStore(scope, cluster, ['everyRole.replicas=2', 'everyRole.drainSeconds=2'])
})
after(async () => {
  for (const end of ends.toReversed()) await end()
})

test('an order is placed, becomes a voucher and is redeemed through the Service of the gateway', async () => {
  const [isbn = ''] = await addTitles(store, [10])
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
    store.url + new URL(voucher.url, store.url).pathname + new URL(voucher.url, store.url).search,
  )
  assert.equal((await pdf.body.text()).slice(0, 5), '%PDF-')
  const session = await call('POST', '/api/session', {
    headers: { accept: 'application/json' },
    body: store.staff,
  })
  const till = { authorization: `Bearer ${session.body.token}` }
  assert.equal((await call('POST', `/api/vouchers/${voucher.code}/redeem`, { headers: till })).status, 200)
  assert.equal((await call('POST', `/api/vouchers/${voucher.code}/redeem`, { headers: till })).status, 409)
})

test('pods killed, a node drained, a version rolled out and back, scaled up and down: no order fails twice, none is lost', async (t) => {
  const isbns = await addTitles(store, [4_000, 3_000, 2_000, 60], 100)
  const load = startLoad({ url: store.url, isbns, count: 6, pauseMs: 40 })
  t.after(() => load.clients.giveUp())
  const followed = await followOrders(isbns[0] ?? '', 8)
  for (const { follower } of followed) t.after(() => follower[Symbol.asyncDispose]())
  const settled = () => untilLong(store.rolledOut, store.describe)
  const missed = () => untilLong(async () => !(await store.rolledOut()), store.describe)
  const part = async (name: string, work: () => Promise<void>) => {
    const seen = await load.during(async () => {
      await work()
      await settled()
    })
    console.log(`  ${name}: ${JSON.stringify(seen)}`)
    assert.ok(seen.orders > 0, `${name}: nothing was sold`)
    return seen
  }
  const gentle: [string, () => Promise<void>][] = [
    ['drain of a node', () => drain('a')],
    ['upgrade', () => store.upgrade(['image.tag=1.1.0'])],
    ['rollback', () => store.rollback(1)],
    ['2 to 6', () => scale(6)],
    ['6 to 2', () => scale(2)],
  ]
  await part('kill -9 of one pod of each role', async () => {
    for (const role of ['gateway', 'coordinator', 'catalog', 'orders', 'vouchers']) {
      processesOf(role)[0]?.signal('SIGKILL')
      await missed()
      await settled()
    }
  })
  await payAll(followed)
  for (const [name, work] of gentle) {
    const { failedMost, reasons } = await part(name, work)
    assert.ok(failedMost <= 1, `${name}: an order failed ${failedMost} times: ${JSON.stringify(reasons)}`)
  }
  await part('loss of a node', async () => {
    await nodes[1]?.lose()
    await missed()
  })
  await load.clients.finish()
  await until(() => followed.every(({ follower }) => follower.status() === 'confirmed'))
  for (const { follower } of followed) {
    assert.deepEqual([...follower.ids].sort(byNumber), follower.ids, 'events come once and in their order')
  }
  const verdict = await checkHistory(load.clients.history, store.secrets)
  t.diagnostic(JSON.stringify({ ...verdict, lost: verdict.lost.length }))
  const { lost, wrong, findings, unanswered } = verdict
  assert.deepEqual(
    { lost, wrong, findings, unanswered },
    { lost: [], wrong: [], findings: [], unanswered: 0 },
  )
})

const byNumber = (a: string, b: string) => (BigInt(a) < BigInt(b) ? -1 : 1)

const processesOf = (role: string) =>
  nodes.flatMap((node) => node.processes({ 'app.kubernetes.io/component': role }))

async function drain(node: string): Promise<void> {
  const drained = await cluster.kubectl([
    'drain',
    node,
    '--delete-emptydir-data',
    '--force',
    '--timeout=150s',
  ])
  assert.equal(drained.code, 0, drained.err)
  await cluster.kubectl(['uncordon', node])
}

async function scale(replicas: number): Promise<void> {
  const names = ['gateway', 'catalog', 'orders'].map((role) => `deployment/octavo-${role}`)
  const flags = [`--namespace=${storeNamespace}`, `--replicas=${replicas}`]
  const { code, err } = await cluster.kubectl(['scale', ...names, ...flags])
  assert.equal(code, 0, err)
}

type Followed = { id: string; token: string; follower: Follower }

async function followOrders(isbn: string, count: number): Promise<Followed[]> {
  const orders = Array.from({ length: count }, async (_, i) => {
    const { body } = await call('POST', '/api/orders', {
      headers: { 'idempotency-key': `followed-order-${i}` },
      body: { customer: { name: 'Ada Byron', email: 'ada@example.org' }, lines: [{ isbn, quantity: 1 }] },
    })
    return { id: body.id, token: body.token, follower: followOrder(store.url, body.id, body.token) }
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

type Body = { id: string; token: string; status: string; vouchers?: { code: string; url: string }[] }

async function call(
  method: 'GET' | 'POST',
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: object } = {},
): Promise<{ status: number; body: Body }> {
  const answer = await request(store.url + path, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    body: body ? JSON.stringify(body) : null,
    signal: AbortSignal.timeout(10_000),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, body: text === '' ? ({} as Body) : (JSON.parse(text) as Body) }
}
