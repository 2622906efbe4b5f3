import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, checkReply, refused, wrongFields } from './client.ts'
import { sendRaw } from './raw-http.ts'
import { ada, addBook, leaves, line, newIsbn, newKey, order, type Shop } from './shop.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'

/** What holds for every request, wherever it goes. */
export function httpSuite(shop: () => Shop): void {
  test('the store says that it lives, that it is ready, and how it fares', async () => {
    accepted(await shop().get('/healthz'))
    accepted(await shop().get('/readyz'))
    const metrics = await shop().get('/metrics')
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain/)
    assert.match(metrics.text, /^octavo_\w+\{[^}]*\} \d/m)
  })

  test('the pages, the API reference and its documents are served', async () => {
    for (const path of ['/', '/shop/', '/console/', '/docs']) {
      const reply = await fetch(shop().url + path)
      assert.equal(reply.status, 200, path)
      assert.match(reply.headers.get('content-type') ?? '', /^text\/html/, path)
      assert.ok(reply.headers.get('x-request-id'), path)
      await reply.text()
    }
    assert.match(accepted(await shop().get('/openapi.json')).openapi, /^3\.1/)
    assert.ok(accepted(await shop().get('/postman.json')).item.length > 0)
  })

  test('a sane X-Request-Id comes back, another one is replaced', async () => {
    const withId = (id: string) => shop().get('/api/books?limit=1', { headers: { 'x-request-id': id } })
    assert.equal((await withId('till-7.42')).headers.get('x-request-id'), 'till-7.42')
    const other = (await withId('a b'.repeat(100))).headers.get('x-request-id')
    assert.match(other ?? '', /^[\w-]{8,64}$/)
    const problem = await shop().get('/api/nothing', { headers: { 'x-request-id': 'till-7.43' } })
    assert.equal(problem.headers.get('x-request-id'), 'till-7.43')
  })

  test('a traceparent is taken, well formed or not', async () => {
    for (const traceparent of [`00-${traceId}-b7ad6b7169203331-01`, 'nonsense', `ff-${traceId}-0-0`])
      accepted(await shop().get('/api/books?limit=1', { headers: { traceparent } }))
  })

  test('an address that is none is 404', async () => {
    const odd = ['/api', '/api/', '/api/nothing', '/api/books/', '/api/orders/1/2/3', '/internal/session']
    for (const path of [...odd, '/nothing.html']) refused(await shop().get(path), 404)
    for (const path of [
      '/api/../internal/session',
      '/shop/../../package.json',
      '/shop/%2e%2e/%2e%2e/package.json',
    ]) {
      const reply = await sendRaw(shop().url, `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
      assert.ok(reply)
      checkReply(path, reply, path)
      assert.ok([400, 404].includes(reply.status), `${path} → ${reply.status}`)
    }
  })

  test('a method that an address does not take is 405, with those that it takes', async () => {
    const isbn = newIsbn()
    const wrong: [string, string][] = [
      ['PUT', '/api/books'],
      ['DELETE', '/api/orders'],
      ['POST', `/api/books/${isbn}`],
      ['DELETE', `/api/books/${isbn}/stock`],
      ['PUT', '/api/imports'],
      ['GET', '/api/vouchers/AAAA/redeem'],
      ['PATCH', '/api/session'],
      ['POST', '/healthz'],
      ['POST', '/'],
    ]
    for (const [method, path] of wrong) {
      const reply = await shop().send(method, path)
      refused(reply, 405)
      assert.ok(reply.headers.get('allow'), `${method} ${path} names what is allowed`)
    }
    const options = await shop().send('OPTIONS', '/api/orders')
    assert.equal(options.status, 204)
    assert.match(options.headers.get('allow') ?? '', /POST/)
  })

  test('HEAD is GET without a body', async () => {
    const isbn = await addBook(shop())
    for (const path of ['/api/books', `/api/books/${isbn}`, '/healthz', '/openapi.json']) {
      const reply = await fetch(shop().url + path, { method: 'HEAD' })
      assert.equal(reply.status, 200, path)
      assert.equal(await reply.text(), '', path)
    }
  })

  test('a body in a format not taken is 415', async () => {
    const headers = (type: string) => ({ 'content-type': type, 'idempotency-key': newKey() })
    for (const type of [
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'json',
      'a/b; c',
    ])
      refused(await shop().post('/api/orders', { raw: '{}', headers: headers(type) }), 415)
    const bytes = new TextEncoder().encode('{}')
    refused(await shop().post('/api/orders', { raw: bytes, headers: { 'idempotency-key': newKey() } }), 415)
  })

  test('a body that is no JSON object is 400', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': newKey() }
    const bodies = [
      '',
      ' ',
      '{',
      '{"customer":',
      'null',
      '[]',
      '"text"',
      '1',
      'true',
      'undefined',
      "{'a':1}",
      '{"a":1}}',
      '{"lines":[],"lines":[]}',
      '{"customer":{"name":"A","n\\u0061me":"B"}}',
    ]
    for (const raw of bodies) refused(await shop().post('/api/orders', { raw, headers }), 400)
    const invalidUtf8 = new Uint8Array([
      ...new TextEncoder().encode('{"customer":{"name":"'),
      0xff,
      0xfe,
      0x22,
    ])
    refused(await shop().post('/api/orders', { raw: invalidUtf8, headers }), 400)
    refused(await shop().post('/api/orders', { headers: { 'idempotency-key': newKey() } }), 400)
  })

  test('a deeply nested body is 400', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': newKey() }
    const nested = (depth: number) => [
      '['.repeat(depth) + ']'.repeat(depth),
      `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    ]
    for (const raw of nested(2_000)) refused(await shop().post('/api/orders', { raw, headers }), 400)
    for (const raw of nested(100_000)) refused(await shop().post('/api/orders', { raw, headers }), 413)
  })

  test('a body with very many unknown fields is 400, in few words', async () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`field${i}`, 0]))
    const send = (body: object) =>
      shop().post('/api/orders', { body, headers: { 'idempotency-key': newKey() } })
    const reply = await send(many(1_000))
    refused(reply, 400)
    assert.ok(reply.text.length < 10_000, `${reply.text.length} characters`)
    refused(await send(many(60_000)), 413)
  })

  test('a body of 10 MB is 413, announced or not, and the connection is not lost', async () => {
    const text = JSON.stringify({ customer: { ...ada, name: 'A'.repeat(10_000_000) }, lines: [] })
    const headers = { 'content-type': 'application/json', 'idempotency-key': newKey() }
    refused(await shop().post('/api/orders', { raw: text, headers }), 413)
    refused(await shop().post('/api/session', { raw: text, headers }), 413)
    refused(await shop().post('/api/orders', { raw: new Blob([text]).stream(), headers }), 413)
    accepted(await shop().get('/healthz'))
  })

  test('unknown fields and unknown parameters are 400 and named', async () => {
    const isbn = await addBook(shop())
    const body = { customer: { ...ada, age: 36 }, lines: [{ isbn, quantity: 1, gift: true }], coupon: 'X' }
    const headers = { 'idempotency-key': newKey() }
    const fields = ['coupon', 'customer.age', 'lines[0].gift']
    assert.deepEqual(wrongFields(await shop().post('/api/orders', { body, headers })), fields)
    const free = { token: shop().staff, body: { price: { amount: -1, more: 1 }, subjects: [''] } }
    assert.deepEqual(wrongFields(await shop().patch(`/api/books/${isbn}`, free)), [
      'price.amount',
      'price.more',
      'subjects[0]',
    ])
    const raw = `{"__proto__":{"x":1},"constructor":{},"customer":{"name":"A","email":"a@b.co","__proto__":1},
      "lines":[{"isbn":"${isbn}","quantity":1}]}`
    const reply = await shop().post('/api/orders', {
      raw,
      headers: { ...headers, 'content-type': 'application/json' },
    })
    assert.deepEqual(wrongFields(reply), ['__proto__', 'constructor', 'customer.__proto__'])
    assert.deepEqual(wrongFields(await shop().get('/api/books?page=2')), ['page'])
    for (const limit of ['0x10', '1e1', ' 5', '+5', '5.0', '']) {
      const list = await shop().get(`/api/books?limit=${encodeURIComponent(limit)}`)
      assert.deepEqual(wrongFields(list), ['limit'], limit)
    }
    await leaves(shop(), isbn, 10)
  })

  test('an address that is badly percent-encoded is 400', async () => {
    for (const path of [
      '/api/books/%zz',
      '/api/books/%ff%fe',
      '/api/orders/%',
      '/api/books/%zz/availability/events',
      ...['/api/books?q=%zz', '/api/books?q=%', '/api/books?q=%ff', '/api/books?%ff=1'],
    ])
      refused(await shop().get(path), 400)
  })

  test('a zero byte is refused wherever it comes', async () => {
    const token = shop().staff
    for (const path of ['/api/books?q=%00', '/api/books?subject=%00', '/api/books?cursor=%00'])
      assert.ok([200, 400].includes((await shop().get(path)).status))
    for (const path of ['/api/orders?email=%00', '/api/orders?isbn=%00', '/api/orders?cursor=%00'])
      refused(await shop().get(path, { token }), 400)
    refused(await shop().get('/api/vouchers/%00', { token }), 404)
    refused(await shop().get('/api/orders/%00', { token }), 404)
    refused(await shop().get('/api/books/%00%00%00%00%00%00%00%00%00%00'), 400)
    refused(await shop().post('/api/session', { body: { email: 'a\0b', password: '\0' } }), 400)
  })

  test('too long an address is 414, too many or too large headers are 431', async () => {
    refused(await shop().get(`/api/books?q=${'a'.repeat(9_000)}`), 414)
    assert.ok(refused(await shop().get(`/api/orders/${'a'.repeat(2_000)}`), 414).detail.length < 100)
    const raw = async (request: string) => {
      const reply = await sendRaw(shop().url, request)
      assert.ok(reply, 'there is an answer')
      checkReply(request.slice(0, 80), reply, reply.body.instance)
      return reply
    }
    // In one packet it is 414; in several the parser cannot say which line was too long.
    const huge = await raw(`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`)
    refused(huge, huge.status === 431 ? 431 : 414)
    refused(await raw(`GET /api/books HTTP/1.1\r\nhost: x\r\ncookie: ${'a'.repeat(100_000)}\r\n\r\n`), 431)
    const many = Array.from({ length: 150 }, (_, i) => `x-${i}: 1\r\n`).join('')
    refused(await raw(`GET /api/books HTTP/1.1\r\nhost: x\r\n${many}\r\n`), 431)
  })

  test('what is not HTTP is answered with 400 as a problem', async () => {
    const requests = [
      'GET /api/books HTTP/1.1\r\n\r\n',
      'GET /api/books HTTP/9.9\r\nhost: x\r\n\r\n',
      'NONSENSE\r\n\r\n',
      'GET /api/books HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n',
      'POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
      'POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /api/orders HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    ]
    for (const request of requests) {
      const reply = await sendRaw(shop().url, Buffer.from(request, 'latin1'))
      assert.ok(reply, `there is an answer to ${request}`)
      checkReply(request, reply, reply.body.instance)
      refused(reply, 400)
    }
  })

  test('a body may come in chunks', async () => {
    const isbn = await addBook(shop())
    const body = JSON.stringify({ customer: ada, lines: [line(isbn)] })
    const headers = { 'content-type': 'application/json', 'idempotency-key': newKey() }
    accepted(await shop().post('/api/orders', { raw: new Blob([body]).stream(), headers }), 201)
    accepted(await order(shop(), [line(isbn)]), 201)
  })
}
