import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { breakerLimits } from '#kernel/circuit-breaker'
import { systemClock } from '#ports/clock'
import { deadUrl, json, startGateway, startUpstream, until } from '../../../../test/support/gateway.ts'

const echo = async (t: TestContext, name: string) =>
  startUpstream(t, async (incoming, response) => {
    let bytes = 0
    for await (const chunk of incoming) bytes += chunk.length
    json(response, 200, { name, url: incoming.url, headers: incoming.headers, bytes })
  })
const post = (url: string, key?: string, body = '{"lines":[{"isbn":"9780141439518"}]}') =>
  fetch(`${url}/api/orders`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
  })

test('a request reaches its service with the headers of the hop renewed', async (t) => {
  const upstream = await echo(t, 'a')
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const answer = await fetch(`${gateway.url}/api/books?q=1`, {
    headers: {
      'x-octavo-call': 'guess',
      'x-forwarded-for': '10.0.0.1',
      'x-request-id': 'my-id.1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x-own': 'kept',
    },
  })
  const { url, headers } = (await answer.json()) as { url: string; headers: Record<string, string> }
  assert.equal(url, '/api/books?q=1')
  assert.match(String(headers['x-octavo-call']), /^pass\.\d+\.\./)
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(headers['x-forwarded-proto'], 'http')
  assert.equal(headers['x-request-id'], 'my-id.1')
  assert.equal(headers['x-own'], 'kept')
  assert.match(
    headers.traceparent ?? '',
    /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
  )
  assert.equal(answer.headers.get('x-request-id'), 'my-id.1')
})

test('a senseless request id is replaced, and an answer always carries one', async (t) => {
  const gateway = await startGateway(t, '')
  const answer = await fetch(`${gateway.url}/api/nothing`, { headers: { 'x-request-id': 'a b<c>' } })
  assert.equal(answer.status, 404)
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
})

test('hop-by-hop headers end at the gateway, in both directions', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    response.setHeader('connection', 'keep-alive, x-hop')
    response.setHeader('x-hop', '1')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    json(response, 200, incoming.headers)
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const seen = await new Promise<{ sent: Record<string, string>; got: Record<string, unknown> }>(
    (resolve) => {
      request(
        `${gateway.url}/api/books`,
        { headers: { connection: 'x-mine', 'x-mine': '1', te: 'gzip' } },
        async (res) => {
          let text = ''
          for await (const chunk of res) text += chunk
          resolve({ sent: JSON.parse(text), got: res.headers })
        },
      ).end()
    },
  )
  assert.equal(seen.sent['x-mine'], undefined)
  assert.equal(seen.sent.te, undefined)
  assert.equal(seen.got['x-hop'], undefined)
  assert.deepEqual(seen.got['set-cookie'], ['a=1', 'b=2'])
})

test('bodies stream both ways: neither side waits for the whole', async (t) => {
  let received = 0
  const upstream = await startUpstream(t, (incoming, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    incoming.on('data', (chunk: Buffer) => {
      received += chunk.length
      response.write(`${received} `)
    })
    incoming.on('end', () => response.end('end'))
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const answered = Promise.withResolvers<string>()
  const sending = request(`${gateway.url}/api/imports`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
  })
  sending.on('response', async (response) => {
    let text = ''
    response.on('data', (chunk) => {
      text += chunk
      if (text === '1000 ') sending.end('x'.repeat(500))
    })
    response.on('end', () => answered.resolve(text))
  })
  sending.write('x'.repeat(1_000))
  assert.equal(await answered.promise, '1000 1500 end')
})

test('an import far larger than the limit of other routes goes through without being held in memory', async (t) => {
  const upstream = await echo(t, 'a')
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const chunk = new Uint8Array(64 * 1024)
  const chunks = 512
  const body = new ReadableStream({
    start(controller) {
      for (let i = 0; i < chunks; i++) controller.enqueue(chunk)
      controller.close()
    },
  })
  const answer = await fetch(`${gateway.url}/api/imports`, {
    method: 'POST',
    body,
    duplex: 'half',
  } as RequestInit)
  assert.equal(((await answer.json()) as { bytes: number }).bytes, chunk.length * chunks)
})

test('an instance that cannot be reached is passed over, for any method, and counted', async (t) => {
  const upstream = await echo(t, 'alive')
  const gateway = await startGateway(
    t,
    `coordinator=${await deadUrl()};coordinator=${await deadUrl()};coordinator=${upstream.url}`,
  )
  for (let i = 0; i < 20; i++) assert.equal((await post(gateway.url)).status, 200)
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(metrics, /octavo_gateway_reroutes_total\{service="coordinator",reason="connect"\} \d/)
  assert.match(
    metrics,
    /octavo_gateway_instance_reroutes_total\{service="coordinator",instance="[^"]+",reason="connect"\} \d/,
  )
  assert.match(metrics, /octavo_gateway_retry_budget\{service="coordinator"\} \d/)
})

test('after a few failures in a row a dead instance is not tried again before its time', async (t) => {
  let hits = 0
  const broken = await startUpstream(t, (incoming) => {
    hits++
    incoming.socket.destroy()
  })
  const good = await echo(t, 'good')
  let nowMs = 0
  const clock = { ...systemClock, monotonicMs: () => nowMs }
  const gateway = await startGateway(t, `catalog=${broken.url};catalog=${good.url}`, { clock })
  const read = async () => {
    for (let i = 0; i < 60; i++) assert.equal((await fetch(`${gateway.url}/api/books`)).status, 200)
    return hits
  }
  assert.equal(await read(), breakerLimits.inRowMax)
  const tripped = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(tripped, /octavo_gateway_breaker_state\{service="catalog",instance="[^"]+"\} 3/)
  assert.match(tripped, /octavo_gateway_breaker_trips_total\{[^}]+,reason="failures"\} 1/)
  // Its cool-down over, it is asked for a sign of life before any reader's request.
  nowMs = breakerLimits.openMs
  await until(() => hits > breakerLimits.inRowMax)
  assert.equal(broken.requests.at(-1)?.url, '/livez')
})

test('a request that may have been carried out is sent again only when that is safe', async (t) => {
  let hits = 0
  const dropping = await startUpstream(t, async (incoming) => {
    hits++
    incoming.resume()
    await sleep(5)
    incoming.socket.destroy()
  })
  const { url: two } = await startUpstream(t, (incoming) => {
    hits++
    incoming.socket.destroy()
  })
  const [book, orders, redeem] = ['/api/books/9780141439518', '/api/orders', '/api/vouchers/abc/redeem']
  const key = { 'idempotency-key': 'key-12345' }
  for (const [method, path, headers, sends] of [
    ['GET', book, {}, 2],
    ['PUT', book, {}, 1],
    ['POST', orders, {}, 1],
    ['PATCH', book, {}, 1],
    ['POST', orders, key, 2],
    ['POST', redeem, key, 1],
  ] as const) {
    const services = ['catalog', 'coordinator', 'orders']
    const instances = services.flatMap((name) => [`${name}=${dropping.url}`, `${name}=${two}`])
    const gateway = await startGateway(t, instances.join(';'))
    hits = 0
    const answer = await fetch(gateway.url + path, {
      method,
      headers,
      ...(method !== 'GET' && { body: '{}' }),
    })
    assert.equal(answer.status, 503, method)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    assert.ok(answer.headers.get('retry-after'))
    assert.equal(hits, sends, `${method} ${path} ${JSON.stringify(headers)}`)
  }
})

test('a large body is never sent twice, whatever its key', async (t) => {
  let hits = 0
  const drop = () =>
    startUpstream(t, (incoming) => {
      hits++
      incoming.on('data', () => incoming.socket.destroy())
    })
  const gateway = await startGateway(t, `catalog=${(await drop()).url};catalog=${(await drop()).url}`)
  const answer = await fetch(`${gateway.url}/api/imports`, {
    method: 'POST',
    headers: { 'idempotency-key': 'key-12345', 'content-type': 'text/csv' },
    body: 'x'.repeat(200_000),
  })
  assert.equal(answer.status, 503)
  assert.equal(hits, 1)
})

test('nobody there is a 503 that says when to come back, once a restart would have been over', async (t) => {
  const gateway = await startGateway(t, '')
  const startedMs = performance.now()
  const answer = await post(gateway.url, 'key-12345')
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '1')
  assert.equal(((await answer.json()) as { status: number }).status, 503)
  assert.ok(performance.now() - startedMs > 2_500)
})

test('a request that arrives while the only instance starts again is answered by the new one', async (t) => {
  const first = await echo(t, 'first')
  const gateway = await startGateway(t, `coordinator=${first.url}`)
  assert.equal((await post(gateway.url, 'key-12345')).status, 200)
  await first.stop()
  const waiting = post(gateway.url, 'key-23456')
  await sleep(300)
  const second = createServer((_request, response) => response.end('{"name":"second"}'))
  await new Promise<void>((resolve) => second.listen(Number(new URL(first.url).port), '127.0.0.1', resolve))
  t.after(() => second.close())
  assert.deepEqual(await (await waiting).json(), { name: 'second' })
})

test('orders for one title meet at one coordinator, however the ISBN is written; it moves when that one dies', async (t) => {
  const upstreams = await Promise.all(['a', 'b', 'c'].map((name) => echo(t, name)))
  const gateway = await startGateway(t, upstreams.map(({ url }) => `coordinator=${url}`).join(';'))
  const nameFor = async (isbn: string) =>
    (
      (await (await post(gateway.url, undefined, `{"lines":[{"isbn" : "${isbn}"}]}`)).json()) as {
        name: string
      }
    ).name
  const home = await nameFor('9780141439518')
  for (const isbn of ['978-0-14-143951-8', '0141439513', '0-14-143951-3', '9780141439518'])
    assert.equal(await nameFor(isbn), home)
  const names = new Set<string>()
  for (let i = 0; i < 30; i++) names.add(await nameFor(`9780141${100_000 + i}`))
  assert.equal(names.size, 3)
  await upstreams[['a', 'b', 'c'].indexOf(home)]?.stop()
  assert.notEqual(await nameFor('9780141439518'), home)
})

test('a caller that goes away ends the work upstream', async (t) => {
  let ended = false
  const upstream = await startUpstream(t, (incoming) => {
    incoming.on('close', () => {
      ended = true
    })
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const stop = new AbortController()
  const asking = fetch(`${gateway.url}/api/books`, { signal: stop.signal }).catch(() => {})
  await until(() => upstream.requests.length === 1)
  stop.abort()
  await asking
  await until(() => ended)
})

test('an upstream that breaks off in the middle of its answer breaks the answer off', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half', () => incoming.socket.destroy())
  })
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const answer = await fetch(`${gateway.url}/api/books`)
  await assert.rejects(answer.text())
})

test('a silent instance is passed over for a reader while another could answer', {
  timeout: 20_000,
}, async (t) => {
  const silent = await startUpstream(t, () => {})
  const good = await echo(t, 'good')
  const gateway = await startGateway(t, `catalog=${silent.url};catalog=${good.url}`)
  const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${gateway.url}/api/books`)))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
})
