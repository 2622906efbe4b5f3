import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { request } from 'node:https'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { Service } from '#process/service-shell'
import { json, startGateway, startUpstream, until } from '../../../test/support/gateway.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../../test/support/certificates/${name}`, import.meta.url))
const tls = { OCTAVO_TLS_CERT: kept('first.pem'), OCTAVO_TLS_KEY: kept('first.key.pem') }

async function start(
  t: TestContext,
  instances: string,
): Promise<{ gateway: Service; session: ClientHttp2Session }> {
  const gateway = await startGateway(t, instances, {}, tls)
  const session = connect(gateway.url, { rejectUnauthorized: false })
  t.after(() => session.destroy())
  session.on('error', () => {})
  return { gateway, session }
}

type Answer = { status: number; headers: IncomingHttpHeaders; text: string }

async function ask(session: ClientHttp2Session, head: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = session.request(head, { endStream: body === undefined })
  const answered = once(stream, 'response')
  if (body !== undefined) stream.end(body)
  const [headers] = (await answered) as [IncomingHttpHeaders]
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  return { status: Number(headers[':status']), headers, text }
}

test('a browser gets HTTP/2 over TLS, a program that knows only HTTP/1.1 gets that, and both are told to stay with https', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, { isbn: '978' }))
  const { gateway, session } = await start(t, `catalog=${upstream.url}`)
  const { status, headers, text } = await ask(session, { ':path': '/api/books/978' })
  assert.deepEqual([status, JSON.parse(text)], [200, { isbn: '978' }])
  assert.equal(session.alpnProtocol, 'h2')
  const seen = upstream.requests[0]?.headers ?? {}
  assert.equal(seen['x-forwarded-host'], new URL(gateway.url).host)
  assert.deepEqual(
    Object.keys(seen).filter((name) => name.startsWith(':')),
    [],
  )
  for (const path of ['/api/books/978', '/livez', '/nowhere', '/api/nowhere', '/shop']) {
    const answer = await ask(session, { ':path': path })
    assert.match(
      String(answer.headers['strict-transport-security']),
      /^max-age=31536000; includeSubDomains$/,
      path,
    )
    assert.ok(answer.headers['content-security-policy'], path)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', path)
  }
  assert.ok(headers['x-request-id'])
  const old = await new Promise<string | undefined>((resolve, reject) => {
    const options = { rejectUnauthorized: false, agent: false } as const
    request(`${gateway.url}/livez`, options, (response) => {
      response.resume()
      resolve(`${response.httpVersion} ${response.headers['strict-transport-security']}`)
    })
      .on('error', reject)
      .end()
  })
  assert.equal(old, '1.1 max-age=31536000; includeSubDomains')
})

test('bodies are passed on over HTTP/2 with and without their length, and are bounded all the same', async (t) => {
  let [bodies, lengths]: [string[], (string | undefined)[]] = [[], []]
  const upstream = await startUpstream(t, async (incoming, response) => {
    lengths.push(incoming.headers['content-length'])
    bodies.push((await incoming.toArray()).join(''))
    json(response, 201, {})
  })
  const { session } = await start(
    t,
    `orders=${upstream.url};coordinator=${upstream.url};catalog=${upstream.url}`,
  )
  const head = { ':method': 'POST', ':path': '/api/orders', 'content-type': 'application/json' }
  const body = '{"some":"order"}'
  assert.equal((await ask(session, { ...head, 'content-length': body.length }, body)).status, 201)
  assert.equal((await ask(session, head, body)).status, 201)
  assert.deepEqual(bodies, [body, body])
  assert.equal(lengths[0], String(body.length))
  ;[bodies, lengths] = [[], []]
  const large = await ask(session, head, `{"some":"${'x'.repeat(200_000)}"}`)
  assert.equal(large.status, 413)
  assert.match(String(large.headers['content-type']), /problem\+json/)
})

test('what is refused over HTTP/1.1 is refused over HTTP/2', async (t) => {
  const { session } = await start(t, '')
  const status = async (head: OutgoingHttpHeaders) => (await ask(session, head)).status
  assert.equal(await status({ ':path': '/livez', ':authority': 'shop', host: 'another' }), 400)
  assert.equal(await status({ ':path': `/api/books?q=${'x'.repeat(9_000)}` }), 414)
  assert.equal(await status({ ':path': '/internal/bundles' }), 404)
  assert.equal(await status({ ':path': '/livez', ':method': 'TRACE' }), 405)
  assert.equal(await status({ ':path': '/api/books/%zz/availability/events' }), 400)
})

test('a reader who goes away in the middle takes nothing with it, and a stopping gateway lets answers finish', async (t) => {
  const held: (() => void)[] = []
  const upstream = await startUpstream(t, (incoming, response) => {
    incoming.on('close', () => held.push(() => {}))
    held.push(() => json(response, 200, {}))
  })
  const { gateway, session } = await start(t, `catalog=${upstream.url}`)
  const gone = session.request({ ':path': '/api/books/1' })
  gone.on('error', () => {})
  await until(() => upstream.requests.length === 1)
  gone.close(8)
  await until(() => upstream.requests[0]?.destroyed === true)
  const staying = ask(session, { ':path': '/api/books/2' })
  await until(() => upstream.requests.length === 2)
  const stopping = gateway[Symbol.asyncDispose]()
  for (const answer of held) answer()
  assert.equal((await staying).status, 200)
  await stopping
  assert.equal(session.closed || session.destroyed, true)
})

test('a client that speaks neither is told so while they shake hands', async (t) => {
  const { gateway } = await start(t, '')
  const { port } = new URL(gateway.url)
  const hands = (protocols: string[]) =>
    new Promise<string | false | null>((resolve) => {
      const socket: TLSSocket = connectTls(
        { port: Number(port), ALPNProtocols: protocols, rejectUnauthorized: false },
        () => {
          resolve(socket.alpnProtocol)
          socket.destroy()
        },
      )
      socket.on('error', (error) => resolve(error.message))
    })
  assert.equal(await hands(['http/1.1', 'h2']), 'h2')
  assert.equal(await hands(['http/1.1']), 'http/1.1')
  assert.match(String(await hands(['spdy/3'])), /no application protocol/i)
})

test('a body in frames of a byte is given up on, and the next request is answered', async (t) => {
  let bytes = 0
  const upstream = await startUpstream(t, (incoming, response) => {
    incoming.on('data', (piece: Buffer) => {
      bytes += piece.length
    })
    incoming.on('end', () => json(response, 200, {}))
    incoming.on('error', () => {})
  })
  const { gateway, session } = await start(t, `coordinator=${upstream.url}`)
  const { hostname, port } = new URL(gateway.url)
  const socket = connectTls({
    host: hostname,
    port: Number(port),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  t.after(() => socket.destroy())
  let heard = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk])
  })
  await once(socket, 'secureConnect')
  // Node's client would put the pieces together.
  const frame = (type: number, flags: number, stream: number, payload: Buffer) =>
    Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload])
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  const [settings, headers, data, rst] = [4, 1, 0, 3]
  const head = Buffer.concat([
    // Of the static table: POST, https, and the names of path, authority and content-type. Source: RFC 7541.
    ...[Buffer.from([0x83, 0x87, 0x04]), text('/api/orders'), Buffer.from([0x01]), text('localhost')],
    ...[Buffer.from([0x0f, 0x10]), text('application/json')],
    ...[Buffer.from([0x00]), text('idempotency-key'), text('a key of this test')],
  ])
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(settings, 0, 0, Buffer.alloc(0)))
  socket.write(frame(headers, 4, 1, head))
  socket.write(Buffer.concat(Array.from({ length: 6_000 }, () => frame(data, 0, 1, Buffer.from(' ')))))
  await until(() => socket.destroyed || heard.includes(Buffer.from([0, 0, 4, rst, 0, 0, 0, 0, 1])))
  assert.ok(bytes < 1_000, `${bytes} bytes were passed on`)
  assert.equal((await ask(session, { ':path': '/livez' })).status, 200)
})

/** A frame of HTTP/2. Source: RFC 9113 section 4.1. */
function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}
const cancelled = Buffer.from([0, 0, 0, 8])
const goaway = 7

/** A read of a book and, in the same breath, that nobody wants it any more. */
function takenBack(stream: number): Buffer {
  const fields = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', `/api/books/${stream}`],
  ].map(([name = '', value = '']) =>
    Buffer.from(`\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`),
  )
  return Buffer.concat([frame(1, 5, stream, Buffer.concat(fields)), frame(3, 0, stream, cancelled)])
}

test('requests that are taken back as soon as they are made go nowhere, and whoever makes many is sent away', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const { gateway, session } = await start(t, `catalog=${upstream.url}`)
  const { hostname, port } = new URL(gateway.url)
  const socket = connectTls({
    ...{ port: Number(port), host: hostname, rejectUnauthorized: false, ALPNProtocols: ['h2'] },
  })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  let [isSentAway, rest] = [false, Buffer.alloc(0)]
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      isSentAway ||= rest[3] === goaway
      rest = rest.subarray(9 + rest.readUIntBE(0, 3))
    }
  })
  const many = (from: number, to: number) =>
    Buffer.concat(Array.from({ length: to - from }, (_, i) => takenBack(2 * (from + i) + 1)))
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0), many(0, 100)]))
  await until(() => socket.bytesRead > 0)
  assert.equal((await ask(session, { ':path': '/api/books/last' })).status, 200)
  const asked = () => upstream.requests.map(({ url }) => url).filter((url) => url !== '/livez')
  assert.deepEqual(asked(), ['/api/books/last'])
  assert.equal(isSentAway, false)
  socket.write(many(100, 400))
  await until(() => isSentAway || socket.destroyed, 'it is sent away')
})
