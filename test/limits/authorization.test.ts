import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Route, roles } from '#kernel/contract'
import { openDatabase } from '#ports/database'
import { openLog } from '#ports/log'
import { publicRoutes } from '#roles'
import { placeOrder } from '#services/coordinator'
import { requestExamples } from '../../src/docs/examples.ts'
import type { Context } from '../../src/services/orders/context.ts'
import { setAccount } from '../../src/services/orders/staff/accounts.ts'
import { changePassword } from '../../src/services/orders/staff/change-password.ts'
import { createHashingPool } from '../../src/services/orders/staff/hashing.ts'
import { hashPassword } from '../../src/services/orders/staff/passwords.ts'
import { openSession } from '../../src/services/orders/staff/sessions.ts'
import { type Actor, actors, authorizationCsv, cellsOf } from '../support/authorization-table.ts'
import { passedOn } from '../support/passed-on.ts'
import { type StoreInProcess, startStoreInProcess, storeSecret } from '../support/store-in-process.ts'
import { until } from '../support/until.ts'

const routes = publicRoutes
const tablePath = new URL('../../docs/security/authorization.csv', import.meta.url)

let store: StoreInProcess
let otherToken = ''
let isbn = ''
const cleanUp: (() => unknown)[] = []

before(async () => {
  store = await startStoreInProcess({ after: (work) => cleanUp.unshift(work) }, 'authorization')
  await addStaff()
  const manager = `Bearer ${await tokenOf('manager')}`
  isbn = '9780141439518'
  const json = { 'content-type': 'application/json', authorization: manager }
  const book = { isbn, title: 'A', price: { amount: 100, currency: 'EUR' } }
  await fetch(`${store.url}/api/books`, { method: 'POST', headers: json, body: JSON.stringify(book) })
  const body = JSON.stringify({ copies: 1_000 })
  await fetch(`${store.url}/api/books/${isbn}/stock`, { method: 'PUT', headers: json, body })
  otherToken = (await place()).token
})
after(async () => {
  for (const work of cleanUp) await work()
})

async function addStaff(): Promise<void> {
  const hash = await hashPassword('never typed in by anybody')
  await using database = await openDatabase(store.orderDb, { applicationName: 'test' })
  for (const role of roles)
    await database.execute('INSERT INTO orders.staff (email, password_hash, roles) VALUES ($1, $2, $3)', [
      `${role}@example.org`,
      hash,
      [role],
    ])
}

async function place(): Promise<{ id: string; token: string }> {
  const answer = await fetch(`${store.url}${placeOrder.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({
      customer: { name: 'Ada', email: 'ada@example.org' },
      lines: [{ isbn, quantity: 1 }],
    }),
  })
  assert.equal(answer.status, 201)
  return (await answer.json()) as { id: string; token: string }
}

async function tokenOf(role: string): Promise<string> {
  await using database = await openDatabase(store.orderDb, { applicationName: 'test' })
  return (
    (await openSession(database, `${role}@example.org`, 'a test')) ?? assert.fail('there is no such account')
  )
}

/** @returns undefined for nobody; a session of its own for staff, because a route may end it */
async function bearerOf(actor: Actor, own: string): Promise<string | undefined> {
  if (actor === 'nobody') return undefined
  if (actor === 'own') return own
  return actor === 'other' ? otherToken : await tokenOf(actor)
}

const names = new Map(
  Object.entries({ ...(await import('#services/catalog')), ...(await import('#services/orders')) }).map(
    ([name, value]): [unknown, string] => [value, name],
  ),
)

async function statusOf(route: Route, actor: Actor): Promise<number> {
  // An order of its own for each, because being paid or cancelled changes what may be done with it.
  const order = route.access.kind === 'order' ? await place() : { id: '', token: otherToken }
  const bearer = await bearerOf(actor, order.token)
  const path = route.path
    .replace('{isbn}', isbn)
    .replace('{id}', order.id || crypto.randomUUID())
    .replaceAll(/\{\w+\}/g, 'TDWG-JFVJ-D21P-BS55A')
  const example = requestExamples[names.get(route) ?? '']
  const takesBody = route.body !== undefined || route.streams !== undefined
  const stop = new AbortController()
  const answer = await fetch(store.url + path, {
    method: route.method,
    headers: {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(takesBody && { 'content-type': route.streams?.[0] ?? 'application/json' }),
    },
    ...(takesBody && { body: typeof example === 'string' ? example : JSON.stringify(example ?? {}) }),
    signal: stop.signal,
  })
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) stop.abort()
  else await answer.text()
  return answer.status
}

/** How each is turned away: who is nobody has to log in or learns nothing, staff are told which role it takes. */
function refusalsOf(route: Route, actor: Actor): readonly number[] {
  const isStaff = (roles as readonly string[]).includes(actor)
  if (isStaff) return [403]
  return route.access.kind === 'order' ? [404] : [401]
}

test('the table under docs/security is what the contracts say', () => {
  assert.equal(readFileSync(tablePath, 'utf8'), authorizationCsv(routes))
})

test('everybody gets into exactly those routes that the table opens to them', async () => {
  const wrong: string[] = []
  for (const route of routes)
    for (const actor of actors) {
      const status = await statusOf(route, actor)
      const isIn = ![401, 403].includes(status) && !(route.access.kind === 'order' && status === 404)
      const refused = refusalsOf(route, actor)
      // A log-in, and a link or notification that nobody signed, are refused to everybody in the same way.
      if (route.path === '/api/session' && route.method === 'POST') continue
      if (['/api/files/', '/api/bucket-'].some((start) => route.path.startsWith(start))) continue
      if (cellsOf(route)[actor] ? !isIn : !refused.includes(status))
        wrong.push(`${route.method} ${route.path} as ${actor}: ${status}`)
    }
  assert.deepEqual(wrong, [])
})

test('a session is ended by its own account alone', async () => {
  const [mine, theirs] = [await tokenOf('manager'), await tokenOf('bookseller')]
  const asked = async (method: string, path: string, token: string) =>
    await fetch(store.url + path, { method, headers: { authorization: `Bearer ${token}` } })
  const { items } = (await (await asked('GET', '/api/sessions', theirs)).json()) as {
    items: { id: string; isCurrent: boolean }[]
  }
  const current = items.find(({ isCurrent }) => isCurrent)
  assert.ok(current)
  assert.equal((await asked('DELETE', `/api/sessions/${current.id}`, mine)).status, 404)
  assert.equal((await asked('GET', '/api/session', theirs)).status, 200)
  assert.equal((await asked('DELETE', `/api/sessions/${current.id}`, theirs)).status, 204)
  assert.equal((await asked('GET', '/api/session', theirs)).status, 401)
  assert.equal((await asked('DELETE', '/api/sessions', mine)).status, 204)
  assert.equal((await asked('GET', '/api/session', mine)).status, 401)
})

test('a session that nobody uses ends, and one that is used does not', async () => {
  const [idle, used] = [await tokenOf('manager'), await tokenOf('manager')]
  await using database = await openDatabase(store.orderDb, { applicationName: 'test' })
  const status = async (token: string) =>
    (await fetch(`${store.url}/api/session`, { headers: { authorization: `Bearer ${token}` } })).status
  await database.execute("UPDATE orders.sessions SET used_at = now() - interval '59 minutes'", [])
  assert.equal(await status(used), 200)
  await database.execute("UPDATE orders.sessions SET used_at = used_at - interval '2 minutes'", [])
  assert.deepEqual([await status(idle), await status(used)], [401, 200])
  await database.execute("UPDATE orders.sessions SET expires_at = now() - interval '1 second'", [])
  assert.equal(await status(used), 401)
})

test('what was checked against a password that is changed meanwhile opens no session and changes nothing', async () => {
  await using database = await openDatabase(store.orderDb, { applicationName: 'test' })
  const email = 'meanwhile@example.org'
  await database.execute(
    "INSERT INTO orders.staff (email, password_hash, roles) VALUES ($1, 'before', '{manager}')",
    [email],
  )
  const { opening } = await database.transaction(async (statements) => {
    await statements.execute("UPDATE orders.staff SET password_hash = 'after' WHERE email = $1", [email])
    return {
      opening: openSession(database, email, 'a test', { passwordHash: 'before', secondFactor: false }),
    }
  })
  assert.equal(await opening, undefined)
  const checked = { hashOf: async () => 'before', pool: createHashingPool() }
  const wanted = { current: 'before', password: 'a quiet corner by the window', token: '' }
  const change = changePassword({ database } as Context, checked, { email, place: '' }, wanted)
  await assert.rejects(change, { status: 400 })
  const hash = 'SELECT password_hash AS hash FROM orders.staff WHERE email = $1'
  assert.deepEqual(await database.query(hash, [email]), [{ hash: 'after' }])
})

test('a session that opens while its account is given another password ends with the others', async () => {
  await using database = await openDatabase(store.orderDb, { applicationName: 'test' })
  const [email, password] = ['bookseller@example.org', 'a quiet corner by the window']
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INTO orders.staff%'`
  const { giving } = await database.transaction(async (statements) => {
    assert.ok(await openSession(statements, email, 'a test'))
    const giving = setAccount(database, { email, password, roles: ['bookseller'] })
    await until(async () => (await database.query(waiting, [])).length > 0, 'it waits for the session')
    return { giving }
  })
  await giving
  assert.deepEqual(await database.query('SELECT FROM orders.sessions WHERE email = $1', [email]), [])
})

test('log-ins and refusals are in the log, and nobody’s address is', async (t) => {
  const lines: string[] = []
  openLog({ level: 'info', format: 'json', fields: {}, write: (line) => void lines.push(line) })
  t.after(() => openLog({ level: 'silent', format: 'json', fields: {}, write: () => {} }))
  const logIn = (password: string) =>
    fetch(`${store.url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: store.staff.email, password }),
    })
  assert.deepEqual([(await logIn('a slip')).status, (await logIn(store.staff.password)).status], [401, 204])
  const token = await tokenOf('operator')
  const refused = await fetch(`${store.url}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(refused.status, 403)
  const said = lines.map((line) => JSON.parse(line)).filter(({ part }) => part === 'access')
  assert.deepEqual(
    said.map(({ message }) => message),
    ['a log-in failed', 'staff logged in', 'staff were refused what their roles do not allow'],
  )
  for (const { account, requestId } of said) {
    assert.match(account, /^[0-9a-f]{12}$/)
    assert.ok(requestId)
  }
  assert.doesNotMatch(lines.join(), /@/)
})

test('guessing elsewhere locks nobody out from where they always log in, and gets slow and refused there', async () => {
  const login = (from: string, password: string, email = store.staff.email) =>
    fetch(`${store.ordersUrl}/api/session`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': from,
        ...passedOn(storeSecret, 'orders'),
      },
      body: JSON.stringify({ email, password }),
    })
  assert.equal((await login('192.0.2.1', store.staff.password)).status, 204)
  const crowd = Array.from({ length: 64 }, (_, i) =>
    login(`198.18.0.${i}`, 'a guess of ours', `${i}@example.org`),
  )
  assert.equal((await login('192.0.2.1', store.staff.password)).status, 204, 'in spite of a crowd')
  for (const { status } of await Promise.all(crowd)) assert.ok([401, 429].includes(status), String(status))
  let failed = 0
  const waitOf = ({ headers }: Response) => Number(headers.get('retry-after'))
  // Those that are too many at once count for nothing, and may come again at once.
  await until(
    async () => {
      const guesses = await Promise.all([1, 2, 3, 4].map((i) => login(`198.51.100.${i}`, 'a guess of mine')))
      failed += guesses.filter(({ status }) => status === 401).length
      return guesses.some((each) => each.status === 429 && waitOf(each) > 1)
    },
    'the account takes no more guesses',
    180_000,
  )
  assert.ok(failed <= 10, String(failed))
  const refused = await login('203.0.113.9', store.staff.password)
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers.get('retry-after')) > 1)
  assert.equal((await login('192.0.2.1', store.staff.password)).status, 204)
  // A slip of the finger at home costs time, and never the door.
  for (let i = 0; i < 5; i++) assert.equal((await login('192.0.2.1', 'a slip')).status, 401)
  assert.equal((await login('192.0.2.1', store.staff.password)).status, 204)
})

test('without the failures that are kept, nobody who guesses would ever be refused', async () => {
  await using database = await openDatabase(store.orderDb, { applicationName: 'test' })
  for (let i = 0; i < 14; i++) {
    await database.execute('DELETE FROM orders.login_failures', [])
    const { status } = await fetch(`${store.ordersUrl}/api/session`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': '198.51.100.7',
        ...passedOn(storeSecret, 'orders'),
      },
      body: JSON.stringify({ email: 'another@example.org', password: 'a guess of mine' }),
    })
    assert.equal(status, 401)
  }
})
