import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { anyone, defineRoute, internal, roles, staff } from '#kernel/contract'
import { Type } from '#kernel/type'
import { callHeader, callSigner, createHttpServer, innerMetricsToken } from './port.ts'

const secret = 'a secret of this test'
const thing = Type.Object({ name: Type.String(), size: Type.Integer() })
const part = { summary: '', tag: '', reply: thing }
const makeThing = defineRoute({ method: 'POST', path: '/things', access: anyone, body: thing, ...part })
const direct = defineRoute({ method: 'POST', path: '/direct', access: anyone, body: thing, ...part })
const readThing = defineRoute({ method: 'GET', path: '/things', access: anyone, ...part })
const inner = defineRoute({ method: 'GET', path: '/inner', access: internal, ...part })
const innerMake = defineRoute({ method: 'POST', path: '/inner', access: internal, body: thing, ...part })

async function start(t: TestContext): Promise<{ url: string }> {
  const server = createHttpServer({ name: 'things', secret })
  t.after(() => server[Symbol.asyncDispose]())
  for (const route of [makeThing, innerMake]) server.add(route, async ({ body }) => body)
  for (const route of [readThing, inner]) server.add(route, async () => ({ name: 'a', size: 1 }))
  server.addDirect(direct, async ({ body }) => body)
  return { url: await server.listen({ host: '127.0.0.1', port: 0 }) }
}

test('a service answers nobody but the gateway and other processes; a proof is for one call, and for a minute', async (t) => {
  const { url } = await start(t)
  const status = async (method: string, path: string, proof: string | undefined, body?: string) => {
    const headers = {
      'content-type': 'application/json',
      'x-key': 'long enough',
      ...(proof && { [callHeader]: proof }),
    }
    return (await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })).status
  }
  const signer = callSigner(secret)
  const at = (seconds: number) => callSigner(secret, () => Math.floor(Date.now() / 1000) + seconds)
  const good = '{"name":"a","size":2}'
  for (const [method, path, body] of [
    ['POST', '/things', good],
    ['POST', '/direct', good],
    ['GET', '/things'],
  ] as const) {
    assert.equal(await status(method, path, undefined, body), 403, path)
    assert.equal(await status(method, path, callSigner('another secret').pass('things'), body), 403, path)
    assert.equal(await status(method, path, at(-90).pass('things'), body), 403, path)
    assert.equal(await status(method, path, at(90).pass('things'), body), 403, path)
    assert.equal(await status(method, path, signer.pass('others'), body), 403, 'a pass for another role')
    assert.notEqual(await status(method, path, signer.pass('things'), body), 403, path)
  }
  assert.equal(await status('GET', '/inner', signer.pass('things')), 404, 'a pass is no call')
  assert.equal(await status('GET', '/inner', signer.call('GET', '/inner?a=b', null)), 404)
  assert.equal(await status('GET', '/inner', signer.call('POST', '/inner', null)), 404)
  assert.equal(await status('GET', '/inner', at(-90).call('GET', '/inner', null)), 404)
  assert.equal(await status('GET', '/inner', signer.call('GET', '/inner', null)), 200)
  const called = signer.call('POST', '/inner', good)
  assert.equal(await status('POST', '/inner', called, good), 200)
  assert.equal(await status('POST', '/inner', called, '{"name":"b","size":2}'), 404, 'another body')
  assert.equal(
    await status('POST', '/inner', signer.call('POST', '/inner', null), good),
    404,
    'an unsigned body',
  )
})

test('numbers are shown to whoever has their token; whether it lives, anybody may ask', async (t) => {
  const { url } = await start(t)
  const status = async (path: string, token?: string) =>
    (await fetch(url + path, { headers: token ? { authorization: `Bearer ${token}` } : {} })).status
  assert.deepEqual([await status('/livez'), await status('/readyz')], [200, 200])
  assert.deepEqual([await status('/metrics'), await status('/metrics', secret)], [401, 401])
  assert.equal(await status('/metrics', innerMetricsToken(secret)), 200)
  await using chosen = createHttpServer({ name: 'things', secret, metricsToken: 'chosen' })
  const at = await chosen.listen({ host: '127.0.0.1', port: 0 })
  const asked = async (token: string) =>
    (await fetch(`${at}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status
  assert.deepEqual([await asked('chosen'), await asked(innerMetricsToken(secret))], [200, 401])
})

test('who has no role enters what every role may enter, and nothing else', async (t) => {
  const authenticateStaff = async () => ({ email: 'ada@example.org', roles: [] })
  const server = createHttpServer({ name: 'things', secret, authenticateStaff })
  t.after(() => server[Symbol.asyncDispose]())
  const forAll = defineRoute({ method: 'GET', path: '/all', access: staff(...roles), ...part })
  const forTwo = defineRoute({ method: 'GET', path: '/two', access: staff('manager', 'operator'), ...part })
  for (const route of [forAll, forTwo]) server.add(route, async () => ({ name: 'a', size: 1 }))
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const headers = { [callHeader]: callSigner(secret).pass('things'), authorization: 'Bearer staff_a' }
  const status = async (path: string) => (await fetch(url + path, { headers })).status
  assert.deepEqual([await status('/all'), await status('/two')], [200, 403])
})
