import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { anyone, defineRoute, internal, staff } from '#kernel/contract'
import { Problem } from '#kernel/problem'
import { Type } from '#kernel/type'
import { openDiscovery } from '#ports/discovery'
import { fetchAsGateway } from '../../../test/support/passed-on.ts'
import { callHeader, callSigner, createHttpServer, type HttpServer, serviceClient } from './port.ts'

const secret = 'a secret of this test'
/** As the gateway asks. */
const fetch = fetchAsGateway(secret, 'things')
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const closed = { additionalProperties: false }
const thing = Type.Object({ name: Type.String({ minLength: 1 }), size: Type.Integer({ minimum: 1 }) }, closed)
const makeThing = defineRoute({
  method: 'POST',
  path: '/things/{id}',
  summary: '',
  tag: '',
  access: anyone,
  params: Type.Object({ id: Type.String() }),
  query: Type.Object({ limit: Type.Optional(Type.Integer({ maximum: 9 })) }, closed),
  body: thing,
  reply: Type.Object({ id: Type.String(), name: Type.String(), limit: Type.Integer() }),
  status: 201,
})
const readThing = defineRoute({
  method: 'GET',
  path: '/things',
  summary: '',
  tag: '',
  access: anyone,
  reply: thing,
})
const inner = defineRoute({
  method: 'GET',
  path: '/inner',
  summary: '',
  tag: '',
  access: internal,
  reply: thing,
})
const managed = defineRoute({
  method: 'GET',
  path: '/managed',
  summary: '',
  tag: '',
  access: staff('manager'),
  reply: thing,
})
const refused = defineRoute({ method: 'GET', path: '/refused', summary: '', tag: '', access: anyone })
const ofTheHop = new Set(['connection', 'content-length', 'date', 'keep-alive'])
const direct = defineRoute({
  ...{ method: 'POST', path: '/direct', summary: '', tag: '', access: anyone, body: thing, status: 201 },
  headers: Type.Object({ 'x-key': Type.String({ minLength: 3 }) }),
})
const streamed = defineRoute({
  ...{ method: 'POST', path: '/streamed', summary: '', tag: '', access: anyone },
  streams: ['text/csv'],
})
const bodiless = defineRoute({ method: 'POST', path: '/bodiless', summary: '', tag: '', access: anyone })
const broken = defineRoute({ method: 'GET', path: '/broken', summary: '', tag: '', access: anyone })

async function start(t: TestContext): Promise<{ url: string; server: HttpServer }> {
  const server = createHttpServer({
    name: 'things',
    secret,
    bodyBytesMax: 1_000,
    authenticateStaff: async (token) =>
      token.startsWith('staff_')
        ? { email: 'a@b', roles: [token === 'staff_m' ? 'manager' : 'bookseller'] }
        : undefined,
  })
  t.after(() => server[Symbol.asyncDispose]())
  server.add(bodiless, async () => {})
  server.add(makeThing, async ({ params, body, query }) => ({
    id: params.id,
    name: body.name,
    limit: query.limit ?? 1,
  }))
  server.add(readThing, async () => ({ name: 'a', size: 1 }))
  server.add(inner, async () => ({ name: 'inner', size: 1 }))
  server.add(managed, async ({ staff: member }) => ({ name: member?.email ?? '', size: 1 }))
  server.add(refused, async () => {
    throw new Problem(409, 'not-today', 'Not today.', { lines: [1] }, { 'retry-after': '3' })
  })
  server.addDirect(direct, async ({ body, headers }) => {
    if (body.name === 'refused') throw new Problem(409, 'refused', 'No.', { why: 1 }, { 'retry-after': '1' })
    if (body.name === 'broken') throw new Error('secret insides')
    return { ...body, key: headers['x-key'] }
  })
  server.add(streamed, async ({ stream }) => ({ bytes: (await stream?.toArray())?.join('').length }))
  server.add(broken, async () => {
    throw new Error('secret insides')
  })
  return { server, url: await server.listen({ host: '127.0.0.1', port: 0 }) }
}

const post = (
  url: string,
  body: string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => fetch(url, { method: 'POST', body, headers })

test('a request that fits its route is answered with its status', async (t) => {
  const { url } = await start(t)
  const response = await post(`${url}/things/7?limit=3`, '{"name":"a","size":2}')
  assert.equal(response.status, 201)
  assert.deepEqual(await response.json(), { id: '7', name: 'a', limit: 3 })
  assert.ok(response.headers.get('x-request-id'))
})

test('every wrong field of a request is named, and nothing is coerced in a body', async (t) => {
  const { url } = await start(t)
  const response = await post(`${url}/things/7`, '{"size":"2","colour":"red"}')
  assert.equal(response.status, 400)
  assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  const { errors } = (await response.json()) as { errors: { field: string }[] }
  assert.deepEqual(errors.map((error) => error.field).sort(), ['colour', 'name', 'size'])
})

test('what is not JSON, too large, of another type or nowhere is a problem with its own status', async (t) => {
  const { url } = await start(t)
  t.mock.method(console, 'error', () => undefined)
  for (const [response, status] of [
    [await post(`${url}/things/7`, '{"name":'), 400],
    [await post(`${url}/things/7`, ''), 400],
    [await post(`${url}/things/7`, JSON.stringify({ name: 'x'.repeat(2_000), size: 1 })), 413],
    [await post(`${url}/things/7`, 'name=a', { 'content-type': 'text/plain' }), 415],
    [await post(`${url}/things/7?limit=10`, '{"name":"a","size":2}'), 400],
    [await fetch(`${url}/nowhere`), 404],
    [await fetch(`${url}/broken`), 500],
  ] as const) {
    assert.equal(response.status, status)
    const problem = (await response.json()) as Record<string, unknown>
    assert.deepEqual(
      [problem.status, typeof problem.type, typeof problem.detail],
      [status, 'string', 'string'],
    )
    assert.doesNotMatch(JSON.stringify(problem), /insides|\.ts:/)
  }
})

test('a direct route answers as the framework would, whatever it is sent', async (t) => {
  const { url } = await start(t)
  t.mock.method(console, 'error', () => undefined)
  const bodies = [
    '{"name":"Ünï","size":2}',
    '{"name":"refused","size":2}',
    '{"name":"broken","size":2}',
    '{',
    '',
  ]
  bodies.push('null', '[]', '{"name":"","size":0,"more":1}', '{"name":"\\u0000","size":1}')
  const headersList: Record<string, string>[] = [{ 'x-key': 'long enough' }, { 'x-key': 'no' }, {}]
  for (const body of bodies)
    for (const extra of headersList) {
      const headers = { 'content-type': 'application/json', 'x-request-id': 'id', traceparent, ...extra }
      const ask = (sent: string | ReadableStream) =>
        fetch(`${url}/direct`, { method: 'POST', headers, body: sent, duplex: 'half' } as RequestInit)
      // A body without an announced length is the framework's.
      const [direct, framework] = [await ask(body), await ask(new Blob([body]).stream())]
      const shown = async (answer: Response) => [
        answer.status,
        [...answer.headers].filter(([name]) => !ofTheHop.has(name)).sort(),
        await answer.text(),
      ]
      assert.deepEqual(await shown(direct), await shown(framework), `${body} ${JSON.stringify(extra)}`)
    }
})

test('bytes are for routes that take them, and a GET may say what it likes of a body it has not', async (t) => {
  const { url } = await start(t)
  const headers = { 'content-type': 'application/octet-stream' }
  assert.equal((await fetch(`${url}/things`, { headers })).status, 200)
  assert.equal((await post(`${url}/things/7`, '{}', headers)).status, 415)
  assert.equal((await post(`${url}/direct`, '{}', headers)).status, 415)
})

test('a type that one route streams is no type for the others', async (t) => {
  const { url } = await start(t)
  const headers = { 'content-type': 'text/csv; charset=utf-8' }
  assert.deepEqual(await (await post(`${url}/streamed`, 'a,b', headers)).json(), { bytes: 3 })
  for (const path of ['/things/7', '/direct']) {
    const answer = await post(url + path, '{"name":"a","size":2}', headers)
    assert.equal(answer.status, 415, path)
    assert.match(((await answer.json()) as { detail: string }).detail, /application\/json/)
  }
})

test('a type of no body at all keeps nobody from a route that takes none', async (t) => {
  const { url } = await start(t)
  for (const type of ['application/x-www-form-urlencoded', 'text/csv', 'application/json']) {
    const answer = await post(`${url}/bodiless`, '', { 'content-type': type })
    assert.equal(answer.status, 200, `${type}: ${await answer.text()}`)
  }
  assert.equal((await post(`${url}/bodiless`, 'a=1', { 'content-type': 'text/plain' })).status, 415)
})

test('what the gateway lets through of headers is taken', async (t) => {
  const { url } = await start(t)
  const headers = { 'x-long': 'a'.repeat(32 * 1024), 'x-forwarded-host': 'a'.repeat(8 * 1024) }
  assert.equal((await fetch(`${url}/things`, { headers })).status, 200)
})

test('a request may have as many headers as a browser sends, on a route that names one of them', async (t) => {
  const { url } = await start(t)
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-of-a-browser-${i}`, '1']))
  const headers = { 'content-type': 'application/json', 'x-key': 'long enough', ...many }
  assert.equal((await post(`${url}/direct`, '{"name":"a","size":2}', headers)).status, 201)
})

test('an answer that has not changed is a 304', async (t) => {
  const { url } = await start(t)
  const etag = (await fetch(`${url}/things`)).headers.get('etag') ?? ''
  const headers = { 'if-none-match': `"other", W/${etag}` }
  assert.equal((await fetch(`${url}/things`, { headers })).status, 304)
  assert.equal((await fetch(`${url}/things`, { headers: { 'if-none-match': '"other"' } })).status, 200)
})

test('internal routes do not exist for those without the secret; staff routes ask for a session and a role', async (t) => {
  const { url } = await start(t)
  const status = async (path: string, headers: Record<string, string>) =>
    (await fetch(url + path, { headers })).status
  assert.equal(await status('/inner', {}), 404)
  assert.equal(await status('/inner', { [callHeader]: 'a guess' }), 404)
  assert.equal(await status('/inner', { [callHeader]: callSigner(secret).call('GET', '/inner', null) }), 200)
  assert.equal(await status('/managed', {}), 401)
  assert.equal(await status('/managed', { authorization: 'Bearer staff_b' }), 403)
  assert.equal(await status('/managed', { authorization: 'Bearer staff_m' }), 200)
  assert.equal(await status('/managed', { cookie: 'a=b; octavo_session=staff_m' }), 200)
})

test('a client goes on to the next instance when it cannot connect, and passes problems on', async (t) => {
  const { url } = await start(t)
  const dead = 'http://127.0.0.1:9'
  await using discovery = await openDiscovery(`static:things=${dead};things=${url}`, { secret })
  await using client = serviceClient({ discovery, secret })
  for (let i = 0; i < 4; i++)
    assert.deepEqual(await client.call('things', inner, { deadlineMs: 2_000 }), { name: 'inner', size: 1 })
  await assert.rejects(client.call('things', refused, { deadlineMs: 2_000 }), (error) => {
    assert.ok(error instanceof Problem)
    assert.deepEqual(
      [error.status, error.kind, error.fields.lines, error.headers['retry-after']],
      [409, 'not-today', [1], '3'],
    )
    return true
  })
})

test('a client never sends twice what an instance may have done, and then prefers another', async (t) => {
  let hits = 0
  const silent = createServer(() => {
    hits++
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  t.after(() => silent.closeAllConnections())
  const { port } = silent.address() as { port: number }
  const { url } = await start(t)
  await using discovery = await openDiscovery(`static:things=http://127.0.0.1:${port};things=${url}`, {
    secret,
  })
  await using client = serviceClient({ discovery, secret })
  const call = () => client.call('things', inner, { deadlineMs: 150, sticks: true })
  await assert.rejects(call(), (error) => error instanceof Problem && error.status === 503)
  assert.equal(hits, 1)
  assert.deepEqual(await call(), { name: 'inner', size: 1 })
  assert.equal(hits, 1)
})

test('a body is UTF-8 and as it is: other encodings are refused and not guessed at', async (t) => {
  const { url } = await start(t)
  const status = async (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
    (await fetch(`${url}/things/7`, { method: 'POST', body, headers })).status
  const good = '{"name":"a","size":2}'
  assert.equal(await status(good, { 'content-type': 'application/json; charset="UTF-8"' }), 201)
  for (const charset of ['utf-16', 'utf-8; charset=utf-16'])
    assert.equal(await status(good, { 'content-type': `application/json; charset=${charset}` }), 415)
  const json = { 'content-type': 'application/json' }
  assert.equal(await status(good, { ...json, 'content-encoding': 'identity' }), 201)
  assert.equal(await status(good, { ...json, 'content-encoding': 'gzip' }), 415)
  assert.equal(await status(Buffer.from('{"name":"\xff","size":2}', 'latin1'), json), 400)
})

test('a body with thousands of faults is answered with a few, and at once', async (t) => {
  const { url } = await start(t)
  const keys = Array.from({ length: 120 }, (_, i) => `"k${i}":0`).join()
  const answer = await post(`${url}/direct`, `{${keys}}`, {
    'content-type': 'application/json',
    'x-key': 'long enough',
  })
  assert.equal(answer.status, 400)
  const { errors } = (await answer.json()) as { errors: { field: string }[] }
  assert.deepEqual(errors, [{ field: 'body', message: 'has 120 fields; there are only 2' }])
})
