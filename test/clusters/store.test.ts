import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { addTitles } from '../faults/titles.ts'
import { until } from '../support/until.ts'
import { type ClusterStore, installStore, storeImages } from './install-store.ts'
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
  cluster = await openCluster(scope, { nodeGraceSeconds: 8, evictionSeconds: 2 })
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    const node = await startNode({
      ...{ controlPlane: cluster.controlPlane, name, zone: `zone-${name}` },
      ...{ addresses: `10.244.${index + 1}`, folder: join(cluster.folder, name), images: storeImages() },
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
