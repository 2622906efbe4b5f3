import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { json, rawExchange, startGateway, startUpstream, until } from '../../../test/support/gateway.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../../test/support/certificates/${name}`, import.meta.url))
const post = 'POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'
const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])

/** Sends bytes and keeps the connection. */
function send(t: TestContext, url: string, bytes: string): Socket & { text: string } {
  const { hostname, port } = new URL(url)
  const socket = Object.assign(connect(Number(port), hostname), { text: '' })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    socket.text += chunk
  })
  socket.write(bytes)
  return socket
}

test('a body that is announced too large is refused at once, and the answer stays readable', async (t) => {
  const gateway = await startGateway(t, '')
  const isWhole = (text: string) => statusOf(text) === 413 && text.endsWith('"bytesMax":16384}')
  for (const connection of ['close', 'keep-alive']) {
    const head = `${post}connection: ${connection}\r\ncontent-length: 9999999\r\n\r\n`
    const socket = send(t, gateway.url, `${head}{"lines":[`)
    await until(() => isWhole(socket.text), `an answer with connection: ${connection}`)
    socket.destroy()
  }
  const old = `POST /api/orders HTTP/1.0\r\ncontent-length: 9999999\r\n\r\n{`
  const socket = send(t, gateway.url, old)
  await until(() => isWhole(socket.text), 'an answer by HTTP/1.0')
  socket.destroy()
})

test('over HTTP/2 as well: whoever sends too much is told to stop, and asks on', async (t) => {
  const env = { OCTAVO_TLS_CERT: kept('first.pem'), OCTAVO_TLS_KEY: kept('first.key.pem') }
  const gateway = await startGateway(t, '', {}, env)
  const session = connectHttp2(gateway.url, { rejectUnauthorized: false })
  t.after(() => session.destroy())
  const head = { ':method': 'POST', ':path': '/api/orders', 'content-length': 9_999_999 }
  const stream = session.request(head, { endStream: false })
  stream.on('error', () => {})
  stream.write('{"lines":[')
  let [status, text] = [0, '']
  stream.on('response', (headers) => {
    status = Number(headers[':status'])
  })
  stream.on('data', (chunk) => {
    text += chunk
  })
  await until(() => stream.closed)
  assert.equal(status, 413)
  assert.match(text, /"bytesMax":16384/)
  const next = session.request({ ':path': '/livez' })
  await new Promise((resolve) => next.once('response', resolve))
  // It has not read that answer, and does not end the connection: stopping waits for a few seconds and no longer.
  await gateway[Symbol.asyncDispose]()
})

test('a body of far more fields or items than its route knows gets no further than the gateway', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 201, {}))
  const gateway = await startGateway(t, `coordinator=${upstream.url}`)
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'key-12345' }
  const order = (body: string) => fetch(`${gateway.url}/api/orders`, { method: 'POST', body, headers })
  for (const body of [`{"lines":[${'{},'.repeat(5_000)}{}]}`, `{"a":0${',"":0'.repeat(2_500)}}`]) {
    const answer = await order(body)
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /invalid-request.*far more fields and items/)
  }
  assert.equal(upstream.requests.length, 0)
  assert.equal((await order(`{"lines":[${'{},'.repeat(30)}{}]}`)).status, 201)
})

test('bodies that never end take no connection of a service, whoever sends how many', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 201, {}))
  const gateway = await startGateway(t, `coordinator=${upstream.url}`)
  const slow = Array.from({ length: 300 }, (_, i) => {
    const length = i % 2 === 0 ? 'transfer-encoding: chunked' : 'content-length: 100'
    return send(t, gateway.url, `${post}${length}\r\n\r\n${i % 2 === 0 ? '1\r\n{\r\n' : '{'}`)
  })
  await until(async () => {
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    return Number(/octavo_gateway_open_requests (\d+)/.exec(metrics)?.[1]) > slow.length
  }, 'all of them are there')
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'key-12345' }
  const order = await fetch(`${gateway.url}/api/orders`, { method: 'POST', body: '{}', headers })
  assert.equal(order.status, 201)
  assert.equal(upstream.requests.length, 1)
  for (const socket of slow) socket.destroy()
})

test('a body that does not say its length is passed on whole, and may be sent again', async (t) => {
  let dropped = 0
  const broken = await startUpstream(t, (incoming) => {
    dropped++
    incoming.socket.destroy()
  })
  const well = await startUpstream(t, async (incoming, response) => {
    json(response, 200, {
      length: incoming.headers['content-length'],
      text: String(await incoming.toArray()),
    })
  })
  const gateway = await startGateway(t, `coordinator=${broken.url};coordinator=${well.url}`)
  const chunked = `${post}idempotency-key: key-12345\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`
  for (let i = 0; i < 10 && dropped === 0; i++) {
    const text = await rawExchange(gateway.url, `${chunked}3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`)
    assert.equal(statusOf(text), 200)
    assert.ok(text.includes(JSON.stringify({ length: '7', text: '{"a":1}' })), text)
  }
  assert.ok(dropped > 0)
})

test('garbage behind a whole request is no answer to it', async (t) => {
  const answered = Promise.withResolvers<void>()
  const upstream = await startUpstream(t, async (_incoming, response) => {
    await answered.promise
    json(response, 201, {})
  })
  const gateway = await startGateway(t, `coordinator=${upstream.url}`)
  const text = await rawExchange(gateway.url, `${post}content-length: 2\r\n\r\n{}NONSENSE\r\n\r\n`)
  answered.resolve()
  assert.equal(text, '')
  const next = send(t, gateway.url, 'GET /livez HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => statusOf(next.text) === 200)
  next.text = ''
  next.write('NONSENSE\r\n\r\n')
  await until(() => statusOf(next.text) === 400)
})
