import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { codeOf } from '#kernel/one-time-code'
import { systemClock } from '#ports/clock'
import { openOrders } from '../../../../test/support/orders.ts'
import { keySeal } from './sealed-key.ts'
import { createSecondFactor } from './second-factor.ts'
import { memberOf, openSession } from './sessions.ts'

const email = 'ada@example.org'
const startMs = 1_800_000_000_000

/** An account of somebody who has taken a second factor, at a time that a test turns. */
async function enrolled(t: TestContext) {
  const database = await openOrders(t, 'second_factor')
  await database.execute(
    "INSERT INTO orders.staff (email, password_hash, roles) VALUES ($1, 'hash', '{manager}')",
    [email],
  )
  let [nowMs, now] = [startMs, startMs / 1_000 / 30]
  const clock = { ...systemClock, now: () => nowMs }
  const withSecret = (secret: string) =>
    createSecondFactor({ database, clock, publicUrl: 'https://shop.example.org', secret })
  const second = withSecret('a secret')
  await second.offer(email)
  const [row] = await database.query<{ offered: Uint8Array }>(
    'SELECT offered_key AS offered FROM orders.staff WHERE email = $1',
    [email],
  )
  const key =
    keySeal('a secret').open(row?.offered ?? new Uint8Array(), email)?.key ?? assert.fail('it is not sealed')
  const paper = (await second.confirm(email, codeOf(key, now), '')) ?? assert.fail('it was not taken')
  const pass = (steps: number) => {
    nowMs += steps * 30_000
    now += steps
  }
  return { database, second, withSecret, paper, pass, codeNow: () => codeOf(key, now) }
}

test('a code is good once, also when it is shown many times at once, and no code from before it is', async (t) => {
  const { second, pass, codeNow } = await enrolled(t)
  assert.equal(await second.accept(email, codeNow()), false, 'it was shown to confirm')
  pass(1)
  const late = codeNow()
  pass(1)
  const many = await Promise.all(Array.from({ length: 5 }, () => second.accept(email, codeNow())))
  assert.deepEqual(many.filter(Boolean), [true])
  assert.equal(await second.accept(email, late), false)
})

test('after ten wrong codes none of the app is looked at for a while; those on paper are, each once', async (t) => {
  const { database, second, paper, pass, codeNow } = await enrolled(t)
  pass(1)
  const [first = '', next = ''] = paper
  await Promise.all(Array.from({ length: 30 }, () => second.accept(email, '000000')))
  assert.equal(await second.accept(email, codeNow()), false)
  const shown = await Promise.all(Array.from({ length: 3 }, () => second.accept(email, first)))
  assert.deepEqual(shown.filter(Boolean), [true])
  assert.equal(await second.accept(email, codeNow()), true, 'a good one on paper forgives them')
  pass(1)
  await Promise.all(Array.from({ length: 30 }, () => second.accept(email, '000000')))
  await database.execute("UPDATE orders.staff SET code_tried_at = now() - interval '16 minutes'", [])
  assert.equal(await second.accept(email, codeNow()), true, 'and so does a quarter of an hour')
  assert.equal(await second.accept(email, next.replaceAll('-', ' ').toLowerCase()), true)
  assert.equal(await second.accept('nobody@example.org', codeNow()), false)
})

test('a key outlives a change of the secret, and is sealed anew while the old line stands', async (t) => {
  const { withSecret, pass, codeNow } = await enrolled(t)
  pass(1)
  assert.equal(await withSecret('another').accept(email, codeNow()), false)
  assert.equal(await withSecret('another\na secret').accept(email, codeNow()), true)
  pass(1)
  assert.equal(await withSecret('another').accept(email, codeNow()), true)
})

test('a sealed key opens for its own account alone', () => {
  const seal = keySeal('a secret')
  const sealed = seal.seal(Buffer.from('key'), email)
  assert.equal(seal.open(sealed, email)?.key.toString(), 'key')
  assert.equal(seal.open(sealed, 'eve@example.org'), undefined)
  sealed[14] = (sealed[14] ?? 0) ^ 1
  assert.equal(seal.open(sealed, email), undefined)
})

test('a log-in that was not asked for a code opens no session once there is a second factor', async (t) => {
  const { database } = await enrolled(t)
  const open = (secondFactor: boolean) =>
    openSession(database, email, 'a test', { passwordHash: 'hash', secondFactor })
  assert.equal(await open(false), undefined)
  assert.ok(await open(true))
})

test('where a second factor is required, a session without one has no role until its account has it', async (t) => {
  const { database } = await enrolled(t)
  const shown = { passwordHash: 'hash', secondFactor: true, needsFactor: true }
  const token = (await openSession(database, email, 'a test', shown)) ?? assert.fail('it was not opened')
  const roles = async () => (await memberOf(database, token))?.roles
  assert.deepEqual(await roles(), ['manager'])
  await database.execute('UPDATE orders.staff SET code_key = NULL', [])
  assert.deepEqual(await roles(), [])
})
