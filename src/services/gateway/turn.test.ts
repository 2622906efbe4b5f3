import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { temporaryFolder } from '../../../test/support/edge.ts'
import { json, startGateway, startUpstream, until } from '../../../test/support/gateway.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../../test/support/certificates/${name}`, import.meta.url))
const trusted = { OCTAVO_TRUSTED_PROXIES: '127.0.0.1' }

/** A file with the epoch, replaced as a whole as Kubernetes does. */
function epochFile(t: TestContext, first: string) {
  const path = join(temporaryFolder(t), 'epoch')
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  write(first)
  return { env: { OCTAVO_FLEET_EPOCH: `file://${path}` }, write }
}

async function gatewayAt(t: TestContext, env: Record<string, string>) {
  const upstream = await startUpstream(t, (incoming, response) => json(response, 200, incoming.headers))
  const { url } = await startGateway(t, `orders=${upstream.url};catalog=${upstream.url}`, {}, env)
  const send = async (method: 'POST' | 'GET', epoch?: string) => {
    const path = method === 'POST' ? '/api/session' : '/api/books'
    const { statusCode, headers, body } = await request(url + path, {
      method,
      ...(method === 'POST' && { body: '{"email":"a@example.org","password":"a long enough one"}' }),
      headers: {
        'content-type': 'application/json',
        ...(epoch !== undefined && { 'x-octavo-epoch': epoch }),
      },
    })
    return { status: statusCode, headers, answer: (await body.json()) as Record<string, string> }
  }
  return { url, upstream, send }
}

test('a change of a later turn than the cluster has heard of is refused, with its own turn, and goes nowhere', async (t) => {
  const { env, write } = epochFile(t, '3\n')
  const { url, upstream, send } = await gatewayAt(t, { ...trusted, ...env })
  assert.equal((await send('POST', '3')).status, 200)
  assert.equal((await send('POST', '2')).status, 200, 'an edge that is behind is none of its business')
  assert.equal((await send('POST')).status, 200)
  assert.equal(upstream.requests.length, 3)
  const { status, headers, answer } = await send('POST', '4')
  assert.equal(status, 503)
  assert.match(answer.type ?? '', /cluster-behind$/)
  assert.equal(headers['retry-after'], '1')
  assert.equal(headers['x-octavo-epoch'], '3')
  assert.equal((await send('GET', '4')).status, 200, 'it can be read')
  assert.equal(upstream.requests.length, 4)
  const numbers = await (await fetch(`${url}/metrics`)).text()
  assert.match(numbers, /octavo_gateway_behind_total 1/)
  assert.match(numbers, /octavo_gateway_epoch 3/)
  assert.equal(
    ((await (await fetch(`${url}/readyz`)).json()) as { epoch?: number }).epoch,
    undefined,
    'no roles',
  )
  write('4')
  await until(async () => (await send('POST', '4')).status === 200, 'it hears of it')
})

test('services are told nothing of turns', async (t) => {
  const { send } = await gatewayAt(t, { ...trusted, ...epochFile(t, '3').env })
  assert.equal((await send('GET', '3')).answer['x-octavo-epoch'], undefined)
})

test('until its turn can be read a cluster has heard of none, and keeps the last when it is away', async (t) => {
  const { env, write } = epochFile(t, 'soon')
  const { send } = await gatewayAt(t, { ...trusted, ...env })
  assert.equal((await send('POST', '1')).status, 503)
  assert.equal((await send('POST', '0')).status, 200)
  write('1')
  await until(async () => (await send('POST', '1')).status === 200)
  write('nothing')
  assert.equal((await send('POST', '1')).status, 200)
})

test('who is no proxy of the store can refuse nothing by it, and without the setting nothing changes', async (t) => {
  const strange = await gatewayAt(t, epochFile(t, '3').env)
  assert.equal((await strange.send('POST', '99')).status, 200)
  const without = await gatewayAt(t, trusted)
  assert.equal((await without.send('POST', '99')).status, 200)
  await assert.rejects(gatewayAt(t, { ...trusted, OCTAVO_FLEET_EPOCH: '3' }), /OCTAVO_FLEET_EPOCH is "3"/)
})

test('a ConfigMap is heard as it changes, and the last of it stays when the API server is away', async (t) => {
  const watchers = new Set<ServerResponse>()
  const paths: string[] = []
  const map = (epoch: string) => ({
    metadata: { name: 'octavo-fleet', resourceVersion: epoch },
    data: { epoch },
  })
  const tls = { key: readFileSync(kept('first.key.pem')), cert: readFileSync(kept('first.pem')) }
  const server = createServer(tls, ({ url = '' }, response) => {
    paths.push(url)
    response.writeHead(200, { 'content-type': 'application/json' })
    if (url.includes('watch=')) watchers.add(response.on('close', () => watchers.delete(response)))
    else response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [map('2')] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  const token = join(temporaryFolder(t), 'token')
  writeFileSync(token, 'secret')
  const { port } = server.address() as AddressInfo
  const files = new URLSearchParams({ ca: kept('first.pem'), token })
  const { send } = await gatewayAt(t, {
    ...trusted,
    OCTAVO_FLEET_EPOCH: `kubernetes://localhost:${port}/octavo/octavo-fleet?${files}`,
  })
  assert.match(
    paths[0] ?? '',
    /^\/api\/v1\/namespaces\/octavo\/configmaps\?fieldSelector=metadata.name%3Doctavo-fleet/,
  )
  assert.equal((await send('POST', '2')).status, 200, 'it is known from the first request on')
  assert.equal((await send('POST', '3')).status, 503)
  await until(() => watchers.size === 1)
  for (const each of watchers) each.write(`${JSON.stringify({ type: 'MODIFIED', object: map('3') })}\n`)
  await until(async () => (await send('POST', '3')).status === 200)
  server.closeAllConnections()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  assert.equal((await send('POST', '3')).status, 200)
  assert.equal((await send('POST', '4')).status, 503)
})
