import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { request } from 'undici'
import { temporaryFolder } from '../../../test/support/edge.ts'
import { json, startGateway, startUpstream, until } from '../../../test/support/gateway.ts'

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
