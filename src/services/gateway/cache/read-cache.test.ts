import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { systemClock } from '#ports/clock'
import { request } from '#ports/connections'
import { catalogueChangedTopic, stockChangedTopic } from '#services/catalog'
import { answerPath, book, edit, isbn, movable, openShop } from '../../../../test/support/cached-shop.ts'
import { json, until } from '../../../../test/support/gateway.ts'
import { freshMs, staleMs } from './ages.ts'

test('what everybody may read comes from memory, with its age, and the service is asked once', async (t) => {
  const { get, upstream, clock } = await openShop(t, answerPath, 'memory:', movable(systemClock.now()))
  const first = await get(book)
  assert.match(first.status.cache, /^octavo; fwd=uri-miss; stored/)
  clock.ahead(1_500)
  const second = await get(book)
  assert.equal(second.text, first.text)
  assert.equal(second.headers.age, '1')
  assert.match(second.status.cache, /^octavo; hit; ttl=1$/)
  assert.equal(second.headers.etag, '"1"')
  assert.equal(upstream.requests.length, 1)
  const known = await get(book, { 'if-none-match': '"1"' })
  assert.deepEqual([known.code, known.text], [304, ''])
  assert.equal(upstream.requests.length, 1)
})

test('a thousand who ask at once for what nobody has are one question to the service', async (t) => {
  const { get, upstream } = await openShop(
    t,
    async (_request, response) => {
      await systemClock.sleep(100)
      json(response, 200, { isbn })
    },
    'memory:',
    movable(systemClock.now()),
  )
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => get(book)))
  assert.ok(answers.every(({ code }) => code === 200))
  assert.equal(upstream.requests.length, 1)
})

test('an answer a little too old is given while a new one is fetched, a much older one is waited for', async (t) => {
  let version = 1
  const { get, upstream, clock } = await openShop(t, (_request, response) => json(response, 200, { version }))
  await get(book)
  version = 2
  clock.ahead(freshMs + 500)
  const old = await get(book)
  assert.equal(old.text, '{"version":1}')
  assert.match(old.status.cache, /detail=revalidating/)
  await until(async () => (await get(book)).text === '{"version":2}')
  version = 3
  clock.ahead(staleMs + 500)
  assert.equal((await get(book)).text, '{"version":3}')
  assert.equal(upstream.requests.length, 3)
})

test('reads go on while the service is away, and say how old they are', async (t) => {
  const { get, upstream, clock } = await openShop(t)
  await get(book)
  await get('/api/books?limit=3')
  await upstream.stop()
  clock.ahead(3_600_000)
  for (const path of [book, '/api/books?limit=3', book]) {
    const answer = await get(path)
    assert.equal(answer.code, 200)
    assert.match(answer.status.cache, /detail=origin-(away|slow)/)
    assert.ok(Number(answer.headers.age) >= 3_600)
  }
  assert.equal((await get('/api/books/9780000000002')).code, 503, 'what nobody has seen cannot be shown')
})

test('a service that hangs costs those who can be shown an older answer half a second at most', async (t) => {
  let hangs = false
  const { get, clock } = await openShop(t, (_request, response) => {
    if (!hangs) json(response, 200, { isbn })
  })
  await get(book)
  hangs = true
  clock.ahead(60_000)
  const answer = await get(book)
  assert.equal(answer.code, 200)
  assert.match(answer.status.cache, /detail=origin-slow/)
})

test('who shows who they are is answered by the service itself, and nobody else is shown that', async (t) => {
  const { get, upstream } = await openShop(t, (incoming, response) =>
    json(response, 200, { for: incoming.headers.authorization ?? incoming.headers.cookie ?? 'anybody' }),
  )
  assert.match((await get(book, { authorization: 'Bearer x' })).text, /Bearer x/)
  assert.match((await get(book, { cookie: 'octavo_session=s' })).text, /octavo_session/)
  assert.match((await get(book)).text, /anybody/)
  assert.match((await get(book, { authorization: 'Bearer y' })).text, /Bearer y/)
  assert.match((await get(book, { cookie: 'theme=dark' })).text, /anybody/)
  assert.equal(upstream.requests.length, 4)
})

test('an answer that says it is private, or sets a cookie, or is none, is kept for nobody', async (t) => {
  for (const [status, headers] of [
    [200, { 'cache-control': 'private, max-age=60' }],
    [200, { 'cache-control': 'no-store' }],
    [200, { 'set-cookie': 'a=b' }],
    [200, { vary: 'cookie' }],
    [404, {}],
  ] as const) {
    const { get, upstream } = await openShop(t, (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end('{}')
    })
    assert.equal((await get(book)).code, status)
    assert.equal((await get(book)).code, status)
    assert.equal(upstream.requests.length, 2, JSON.stringify(headers))
  }
})

test('an edit that goes through the gateway is seen by the next reader, in the book and in lists', async (t) => {
  let title = 'old'
  const { gateway, get } = await openShop(t, (incoming, response) => {
    if (incoming.method === 'PATCH') title = 'new'
    json(response, 200, { isbn, title })
  })
  for (const path of [book, '/api/books']) assert.match((await get(path)).text, /old/)
  await edit(gateway.url)
  for (const path of [book, '/api/books']) assert.match((await get(path)).text, /new/)
})

test('an edit is seen by the next reader also of an answer that is a little too old already', async (t) => {
  let title = 'old'
  const { gateway, get, clock } = await openShop(t, (incoming, response) => {
    if (incoming.method === 'PATCH') title = 'new'
    json(response, 200, { isbn, title })
  })
  for (const path of [book, '/api/books']) assert.match((await get(path)).text, /old/)
  clock.ahead(freshMs + 500)
  await edit(gateway.url)
  for (const path of [book, '/api/books']) assert.match((await get(path)).text, /new/)
})

test('whoever asks after an edit does not get the answer that somebody asked for before it', async (t) => {
  let title = 'old'
  let goOn: () => void = () => undefined
  let hold: Promise<void> | undefined = new Promise((resolve) => {
    goOn = resolve
  })
  const { gateway, get, upstream } = await openShop(t, async (incoming, response) => {
    if (incoming.method === 'PATCH') {
      title = 'new'
      return json(response, 200, { isbn, title })
    }
    const said = title
    await hold
    json(response, 200, { isbn, title: said })
  })
  const before = get(book)
  await until(() => upstream.requests.length === 1)
  await edit(gateway.url)
  const after = Promise.all([get(book), get(book), get(book)])
  await systemClock.sleep(50)
  goOn()
  hold = undefined
  assert.match((await before).text, /old/)
  for (const { text } of await after) assert.match(text, /new/)
  assert.equal(
    upstream.requests.length,
    3,
    'one question before the edit, the edit, and one for all after it',
  )
})

test('an order makes the answers about its titles go at once, and no others', async (t) => {
  let copies = 5
  const { gateway, get, upstream } = await openShop(t, (incoming, response) => {
    if (incoming.method !== 'POST') return json(response, 200, { path: incoming.url, copies })
    copies--
    const order = JSON.stringify({ id: 'x', lines: [{ isbn, quantity: 1 }] })
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': order.length })
    response.end(order)
  })
  const other = '/api/books/9780000000002'
  for (const path of [book, other]) await get(path)
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'a key of this test' }
  const answer = await request(`${gateway.url}/api/orders`, { method: 'POST', headers, body: '{}' })
  await answer.body.dump()
  assert.equal(answer.statusCode, 201)
  const asked = upstream.requests.length
  assert.match((await get(book)).text, /"copies":4/)
  assert.match((await get(other)).text, /"copies":5/)
  assert.equal(upstream.requests.length, asked + 1)
})

test('news of a book, of its stock and of everything makes its answers go, also one that is on its way', async (t) => {
  let copies = 5
  let hold: Promise<void> | undefined
  const { get, publish, clock, upstream } = await openShop(t, async (_request, response) => {
    const said = copies
    await hold
    json(response, 200, { isbn, copies: said })
  })
  const says = async (path: string, text: string) => (await get(path)).text.includes(`"copies":${text}`)
  const paths = [book, '/api/books?limit=2']
  const news = [
    [stockChangedTopic, { books: [{ isbn }] }],
    [catalogueChangedTopic, { isbns: [isbn] }],
    [catalogueChangedTopic, { isbns: null }],
  ] as const
  for (const [topic, payload] of news) {
    for (const path of paths) assert.ok(await says(path, String(copies)))
    copies--
    clock.ahead(300)
    await publish(topic, payload)
    for (const path of paths) await until(() => says(path, String(copies)), `${topic} is heeded by ${path}`)
  }
  let goOn: () => void = () => undefined
  hold = new Promise((resolve) => {
    goOn = resolve
  })
  clock.ahead(60_000)
  const asked = upstream.requests.length
  const waiting = get(`${book}/availability`)
  await until(() => upstream.requests.length > asked)
  copies--
  await publish(catalogueChangedTopic, { isbns: [isbn] })
  await systemClock.sleep(50)
  goOn()
  hold = undefined
  await waiting
  await until(() => says(`${book}/availability`, String(copies)), 'what was overtaken is not kept')
})

test('a body is compressed as its reader can take it, once, and under a weak tag', async (t) => {
  const text = JSON.stringify({ isbn, text: 'again and '.repeat(500) })
  const { get, upstream } = await openShop(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', etag: '"7"' })
    response.end(text)
  })
  assert.equal((await get(book)).text, text)
  for (const [accept, encoding, open] of [
    ['gzip, deflate, br;q=0.9', 'gzip', gunzipSync],
    ['gzip, br', 'br', brotliDecompressSync],
  ] as const) {
    await until(
      async () => (await get(book, { 'accept-encoding': accept })).headers['content-encoding'] === encoding,
    )
    const { bytes, headers } = await get(book, { 'accept-encoding': accept })
    assert.ok(bytes.length < text.length / 5)
    assert.equal(open(bytes).toString(), text)
    assert.equal(headers.etag, 'W/"7"')
    assert.match(String(headers.vary), /accept-encoding/)
  }
  assert.equal((await get(book, { 'accept-encoding': 'br;q=0' })).text, text)
  assert.ok(upstream.requests.length <= 2)
})
