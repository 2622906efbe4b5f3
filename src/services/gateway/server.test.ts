import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { json, rawExchange, startGateway, startUpstream, until } from '../../../test/support/gateway.ts'

const problemOf = (text: string) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as { status: number }
const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])

test('an unknown address is 404 and a wrong method 405 with what is allowed, both as problem+json', async (t) => {
  const gateway = await startGateway(t, '')
  for (const path of [
    '/api',
    '/api/',
    '/api/nope',
    '/api/orders/',
    '/api//orders',
    '/api/%6frders',
    '/apis/x',
  ]) {
    const answer = await fetch(gateway.url + path)
    assert.equal(answer.status, path === '/apis/x' ? 503 : 404, path)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
  }
  const wrong = await fetch(`${gateway.url}/api/orders`, { method: 'DELETE' })
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD, POST, OPTIONS')
  const options = await fetch(`${gateway.url}/api/orders`, { method: 'OPTIONS' })
  assert.equal(options.status, 204)
})

test('internal routes cannot be reached from outside, however they are written', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => json(response, 200, { url: incoming.url }))
  const all = ['catalog', 'orders', 'coordinator', 'vouchers'].map((s) => `${s}=${upstream.url}`).join(';')
  const gateway = await startGateway(t, all)
  const paths = [
    '/internal/instances',
    '/internal/orders/1/history',
    '//internal/instances',
    '/api/../internal/instances',
    '/api/books/../../internal/instances',
    '/%69nternal/instances',
    '/api/%2e%2e/internal/instances',
    'http://127.0.0.1/internal/instances',
  ]
  for (const path of paths) {
    const text = await rawExchange(
      gateway.url,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    )
    assert.ok(statusOf(text) >= 400, `${path}: ${text.slice(0, 40)}`)
  }
  assert.equal(upstream.requests.filter(({ url }) => url?.startsWith('/internal')).length, 0)
})

test('a body over the limit is 413 without hanging, and the connection goes on', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    incoming.resume().on('end', () => json(response, 200, {}))
  })
  const gateway = await startGateway(t, `coordinator=${upstream.url};catalog=${upstream.url}`)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const send = (path: string, headers: Record<string, string>, body?: Buffer) =>
    new Promise<number | undefined>((resolve, reject) => {
      const method = body ? 'POST' : 'GET'
      const sending = request(gateway.url + path, { method, agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      })
      sending.on('error', reject)
      sending.end(body)
    })
  const big = Buffer.alloc(10 * 1024 * 1024)
  const announced = await send('/api/orders', { 'content-length': String(big.length) }, big)
  const chunked = await send('/api/orders', { 'transfer-encoding': 'chunked' }, big)
  const after = await send('/api/books', {})
  assert.deepEqual([announced, chunked, after], [413, 413, 200])
})

test('a body over the limit is refused before it is sent when its sender asks first', async (t) => {
  const gateway = await startGateway(t, '')
  const text = await rawExchange(
    gateway.url,
    'POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\nexpect: 100-continue\r\n\r\n',
  )
  assert.equal(statusOf(text), 413)
  assert.equal(problemOf(text).status, 413)
})

test('what is not HTTP is answered in words and closed', async (t) => {
  const gateway = await startGateway(t, '')
  const cases: [string, number][] = [
    ['NONSENSE\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nbad header\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n', 400],
    ['POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n', 400],
    ['POST /api/orders HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 400],
    ['POST /api/orders HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['GET http://b/livez HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['GET /livez HTTP/2.0\r\nhost: a\r\n\r\n', 400],
    ...['a/b', 'user@a', 'a b', 'a#b', 'a:b', '[a', 'a?b', 'a:65536', 'a'.repeat(262)].map(
      (host): [string, number] => [`GET /livez HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`, 400],
    ),
    [`GET /${'a'.repeat(9_000)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${'a: 1\r\n'.repeat(150)}\r\n`, 431],
    ['GET / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\nconnection: close\r\n\r\n', 417],
    ...['/%zz', '/api/books?q=%zz', '/api/books?q=%', '/api/books?q=%c3%28', '/api/books?q=%ed%a0%80'].map(
      (target): [string, number] => [`GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 400],
    ),
  ]
  for (const [bytes, status] of cases) {
    const text = await rawExchange(gateway.url, bytes)
    assert.equal(statusOf(text), status, `${bytes.slice(0, 60)} → ${text.slice(0, 60)}`)
    assert.match(text, /content-type: application\/problem\+json/i)
    assert.match(text, /x-request-id: /i)
    assert.equal(problemOf(text).status, status)
  }
})

test('an address that names its host is taken where the Host header names the same', async (t) => {
  const gateway = await startGateway(t, '')
  const close = 'host: a\r\nconnection: close\r\n\r\n'
  const own = await rawExchange(gateway.url, `GET http://A/livez HTTP/1.1\r\n${close}`)
  const other = await rawExchange(gateway.url, `GET http://b/livez HTTP/1.1\r\n${close}`)
  for (const host of ['', 'a:80', '[::1]:80', '127.0.0.1', 'xn--bcher-kva.example', 'a:'])
    assert.equal(
      statusOf(
        await rawExchange(gateway.url, `GET /livez HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`),
      ),
      200,
      host,
    )
  assert.deepEqual([own, other].map(statusOf), [200, 400])
})

test('whoever asks for a tunnel and is gone at once does no harm', async (t) => {
  const gateway = await startGateway(t, '')
  const { hostname, port } = new URL(gateway.url)
  for (let i = 0; i < 20; i++) {
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.write('CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', () => socket.resetAndDestroy())
    await once(socket, 'close')
  }
  await sleep(100)
  assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200)
})

test('garbage behind a request whose answer has begun is not answered in the middle of it', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('begun')
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  for (const garbage of ['NONSENSE\r\n\r\n', 'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n']) {
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk
      if (text.endsWith('begun')) socket.write(garbage)
    })
    socket.write('GET /api/books HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'close')
    assert.match(text, /^HTTP\/1\.1 200 /)
    assert.match(text, /begun$/)
  }
})

test('whoever sends nothing, or headers or a body that never end, is given up on', {
  timeout: 30_000,
}, async (t) => {
  const upstream = await startUpstream(t, () => {})
  const gateway = await startGateway(t, `coordinator=${upstream.url}`)
  const slow = (bytes: string) => rawExchange(gateway.url, bytes, 20_000)
  const post = 'POST /api/orders HTTP/1.1\r\nhost: a\r\n'
  const [silent, headers, small, chunked] = await Promise.all([
    slow(''),
    slow('GET / HTTP/1.1\r\nhost: a\r\nx-slow: '),
    slow(`${post}content-length: 100\r\n\r\n{`),
    slow(`${post}transfer-encoding: chunked\r\n\r\n1\r\n{`),
  ])
  assert.ok(silent === '' || statusOf(silent) === 408)
  assert.deepEqual([headers, small, chunked].map(statusOf), [408, 408, 408])
})

test('a change with a staff session from another site is refused; from the shop or a program it passes', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const gateway = await startGateway(
    t,
    `orders=${upstream.url}`,
    {},
    { OCTAVO_URL: 'https://books.example.org' },
  )
  const status = async (headers: Record<string, string>, method = 'POST') => {
    const path = '/api/vouchers/abc/redeem'
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const text = await rawExchange(
      gateway.url,
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${lines.join('')}\r\n`,
    )
    return statusOf(text)
  }
  const cookie = 'octavo_session=abc'
  assert.equal(await status({ cookie, origin: 'https://evil.example' }), 403)
  assert.equal(await status({ cookie, origin: 'null' }), 403)
  assert.equal(await status({ cookie, 'sec-fetch-site': 'cross-site' }), 403)
  assert.equal(await status({ cookie, origin: 'https://books.example.org' }), 200)
  assert.equal(await status({ cookie, origin: 'http://localhost' }), 200)
  assert.equal(await status({ cookie }), 200)
  assert.equal(await status({ origin: 'https://evil.example' }), 200)
})

test('closing finishes what is under way and takes nothing new', async (t) => {
  const reached = Promise.withResolvers<void>()
  const refused = Promise.withResolvers<void>()
  const upstream = await startUpstream(t, async (_incoming, response) => {
    reached.resolve()
    await refused.promise
    json(response, 200, { done: true })
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const slow = fetch(`${gateway.url}/api/books`)
  await reached.promise
  const closing = gateway[Symbol.asyncDispose]()
  await until(() =>
    fetch(`${gateway.url}/healthz`).then(
      () => false,
      () => true,
    ),
  )
  refused.resolve()
  const answer = await slow
  assert.deepEqual(await answer.json(), { done: true })
  await closing
})

test('it is ready when catalog, orders and coordinator say that they are', async (t) => {
  let isReady = false
  const upstream = await startUpstream(t, (_incoming, response) => json(response, isReady ? 200 : 503, {}))
  const gateway = await startGateway(
    t,
    `catalog=${upstream.url};orders=${upstream.url};coordinator=${upstream.url}`,
  )
  assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200)
  const before = await fetch(`${gateway.url}/readyz`)
  assert.equal(before.status, 503)
  assert.deepEqual(((await before.json()) as { missing: string[] }).missing, [
    'catalog',
    'orders',
    'coordinator',
  ])
  isReady = true
  await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200)
  const alone = await startGateway(t, `catalog=${upstream.url}`)
  assert.equal((await fetch(`${alone.url}/readyz`)).status, 503)
})

test('a header that decides where a request goes or what it means may be there once', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  for (const twice of [
    'host: b',
    'idempotency-key: k1\r\nidempotency-key: k2',
    'content-type: a\r\ncontent-type: b',
  ]) {
    const text = await rawExchange(
      gateway.url,
      `GET /api/books HTTP/1.1\r\nhost: a\r\n${twice}\r\nconnection: close\r\n\r\n`,
    )
    assert.equal(statusOf(text), 400, twice)
  }
  assert.equal(upstream.requests.length, 0)
})

test('requests sent ahead on one connection are taken one after the other, and answered in order', async (t) => {
  let [open, most] = [0, 0]
  const upstream = await startUpstream(t, async (incoming, response) => {
    most = Math.max(most, ++open)
    await sleep(10)
    open--
    json(response, 200, { url: incoming.url })
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const requests = Array.from({ length: 8 }, (_, i) => `GET /api/books?limit=${i} HTTP/1.1\r\nhost: a\r\n`)
  const text = await rawExchange(gateway.url, `${requests.join('\r\n')}connection: close\r\n\r\n`)
  assert.deepEqual(
    [...text.matchAll(/limit=(\d)/g)].map(([, i]) => Number(i)),
    [0, 1, 2, 3, 4, 5, 6, 7],
  )
  assert.equal(most, 1)
})
