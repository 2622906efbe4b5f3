import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { isRunning } from '../../src/local/process-identity.ts'
import { until } from '../support/until.ts'
import { type Store, startStore } from '../support/whole-store.ts'

// One store from its start to its stop: what it says, what it writes down, and what it does when a part hangs.

const planted = {
  email: 'planted.reader@example.org',
  card: '4242424242424242',
  wrongPassword: 'planted wrong password',
  path: 'planted-token-in-a-path',
}
const replacedWithinMs = 5_000
const endings: (() => unknown)[] = []
let store: Store
let token = ''

before(async () => {
  store = await startStore({ after: (work) => endings.push(work) }, 'on', { OCTAVO_LOG_LEVEL: 'debug' })
})
after(async () => {
  for (const end of endings.splice(0)) await end()
})

const children = () =>
  (JSON.parse(readFileSync(join(store.data, 'run', 'supervisor.json'), 'utf8')) as RunRecord).children
const processOf = (name: string) => children().find((child) => child.name === name)?.process

function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return fetch(store.url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
}

async function buy(key: string): Promise<Response> {
  const { items } = (await (await send('GET', '/api/books?available=true&limited=false&limit=1')).json()) as {
    items: { isbn: string }[]
  }
  const lines = [{ isbn: items[0]?.isbn, quantity: 1 }]
  const customer = { name: 'Planted Reader', email: planted.email }
  return send('POST', '/api/orders', { customer, lines }, { 'idempotency-key': key })
}

test('every role answers for its life on its own door, the gateway too', async () => {
  for (const path of ['/livez', '/healthz', '/startupz', '/readyz'])
    assert.equal((await send('GET', path)).status, 200, path)
})

test('a coordinator that is frozen is replaced within five seconds, and sells again', async () => {
  const old = processOf('coordinator')
  assert.ok(old)
  process.kill(old.pid, 'SIGSTOP')
  const frozenMs = performance.now()
  await until(() => {
    const now = processOf('coordinator')
    return now !== undefined && now.pid !== old.pid
  })
  const tookMs = performance.now() - frozenMs
  assert.ok(tookMs < replacedWithinMs, `replaced after ${Math.round(tookMs)} ms`)
  assert.equal(isRunning(old), false)
  await until(async () => [200, 201].includes((await buy('a key for the new coordinator')).status))
  assert.match(store.said(), /coordinator +\| has not answered for [\d.]+ s and does nothing/)
})

test('a life of orders, refusals, wrong log-ins and faults is lived', async () => {
  const placed = await buy('a key of a planted reader')
  assert.equal(placed.status, 201)
  const order = (await placed.json()) as { id: string; token: string }
  token = order.token
  const as = { authorization: `Bearer ${token}` }
  const paid = await send(
    'POST',
    `/api/orders/${order.id}/payment`,
    { method: 'test', card: planted.card },
    as,
  )
  assert.equal(paid.status, 202)
  await send('GET', `/api/orders/${order.id}?token=${planted.path}`)
  await send('POST', '/api/session', { email: planted.email, password: planted.wrongPassword })
  await send('POST', '/api/session', store.staff)
  // A database that goes away in the middle of it all makes every part complain.
  const database = processOf('order-db')
  assert.ok(database)
  process.kill(database.pid, 'SIGKILL')
  await send('POST', '/api/session', { email: planted.email, password: planted.wrongPassword })
  await buy('another key of a planted reader').catch(() => undefined)
  await until(async () => {
    const answer = await send('GET', `/api/orders/${order.id}`, undefined, as)
    return answer.ok && ((await answer.json()) as { status: string }).status === 'confirmed'
  }, 'the order is confirmed')
})

test('the run folder holds no secret, but names the files that do', () => {
  const secrets = secretsOf(store)
  const run = join(store.data, 'run')
  const text = readdirSync(run)
    .map((name) => readFileSync(join(run, name), 'utf8'))
    .join('\n')
  assert.match(text, /OCTAVO_SECRET_FILE/)
  for (const [name, value] of secrets) assert.ok(!text.includes(value), `${name} is in the run folder`)
  for (const { name, process: each } of children()) {
    if (process.platform !== 'linux' || name.endsWith('-db')) continue
    const environment = readFileSync(`/proc/${each.pid}/environ`, 'utf8')
    for (const [secret, value] of secrets)
      if (!(secret === 'staff password' && name.startsWith('orders')))
        assert.ok(!environment.includes(value), `${secret} is in the environment of ${name}`)
  }
})

test('a stop says what it waits for and that it is done, and nothing secret was ever said', async () => {
  const secrets = [...secretsOf(store), ['token', token] as const, ...Object.entries(planted)]
  for (const end of endings.splice(0)) await end()
  const said = store.said()
  assert.match(said, /Octavo stops: it finishes what is in flight/)
  assert.match(said, /Octavo has stopped; nothing of it runs any more\.\n$/)
  assert.ok(said.split('\n').length > 20, 'there was something to look through')
  for (const [name, value] of secrets) assert.ok(!said.includes(value), `${name} was said:\n${said}`)
})

function secretsOf({ data, staff }: Store): (readonly [string, string])[] {
  const read = (name: string) => readFileSync(join(data, 'secrets', name), 'utf8').trim()
  // The servers of tests share a password that is an ordinary word: looked for is how an address would show it.
  const passwords = ['book-db', 'order-db'].map((name) => [name, `:${read(`${name}-password`)}@`] as const)
  return [['secret', read('secret')], ...passwords, ['staff password', staff.password]]
}
