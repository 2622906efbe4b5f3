import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Want } from '#kernel/database-turn'
import { systemClock } from '#ports/clock'
import { askOnce } from '#ports/postgres'
import { until } from '../../../test/support/until.ts'
import { freeInnerPort } from '../free-port.ts'
import { keepServer } from './keep-server.ts'

const limitMs = 90_000
const password = 'of the superuser'

async function start(t: TestContext, tls?: string) {
  const path = mkdtempSync(join(tmpdir(), 'octavo-kept-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  const port = await freeInnerPort()
  const options = {
    ...{ cluster: 'a', name: 'order-db', database: 'orders', path, password, port },
    ...{ host: '127.0.0.1', tls, clock: systemClock },
  }
  const url = `postgres://octavo:${encodeURIComponent(password)}@127.0.0.1:${port}/orders`
  const ask = async <Row>(sql: string) => (await askOnce<Row>(url, sql, limitMs))[0]
  const wantOf = (epoch: number, state: Want['state'], to: Partial<Want> = {}): Want => ({
    ...{ epoch, state, primary: state === 'turned' ? '' : 'a', members: [{ name: 'a', address }], quorum: 0 },
    ...{ from: null, isFirst: epoch === 1, isPlanned: true, ...to },
  })
  const address = `127.0.0.1:${port}`
  return { options, ask, address, wantOf }
}

test('one server through its turns: it leads, turns, leads again; its timeline is the turn’s, and nobody comes in before a quorum has what it has', async (t) => {
  const { options, ask, address, wantOf } = await start(t)
  const keeper = keepServer(options)
  t.after(() => keeper[Symbol.asyncDispose]())
  const asTold = (epoch: number) =>
    until(() => keeper.state().epoch === epoch && keeper.state().isAsTold, `turn ${epoch}`, limitMs)
  assert.deepEqual([keeper.state().state, keeper.state().hasData], ['untold', false])
  assert.ok(keeper.follow(wantOf(1, 'primary')))
  await asTold(1)
  await ask('CREATE TABLE kept (turn int)')
  await ask('INSERT INTO kept VALUES (1)')

  assert.ok(keeper.follow(wantOf(2, 'turned')))
  await asTold(2)
  assert.equal(keeper.state().position?.epoch, 1, 'its log knows the turn that it led in')
  await assert.rejects(ask('INSERT INTO kept VALUES (2)'), /read-only/)
  assert.ok(!keeper.follow(wantOf(1, 'primary')), 'it goes back to no earlier turn')

  // Turns that others had in between have numbers too.
  const from = keeper.state().position
  assert.ok(keeper.follow(wantOf(6, 'primary', { from })))
  await asTold(6)
  const timeline =
    'SELECT timeline_id AS timeline, (SELECT count(*)::int FROM kept) AS kept FROM pg_control_checkpoint()'
  await ask('CHECKPOINT')
  assert.deepEqual(await ask(timeline), { timeline: 6, kept: 1 })
  assert.deepEqual(await ask(`SELECT current_setting('octavo.epoch') AS epoch`), { epoch: '6' })

  assert.ok(keeper.follow(wantOf(7, 'turned', { isPlanned: false })))
  await asTold(7)
  const members = ['a', 'b'].map((name) => ({ name, address }))
  assert.ok(keeper.follow(wantOf(8, 'primary', { from: keeper.state().position, quorum: 1, members })))
  const isRefused = () =>
    ask('SELECT 1').then(
      () => false,
      (error: Error) => /pg_hba/.test(error.message),
    )
  await until(isRefused, 'nobody is let in', limitMs)
  assert.ok(!keeper.state().isAsTold)
  assert.ok(keeper.follow(wantOf(8, 'primary', { from })))
  await asTold(8)
  assert.deepEqual(await ask('SELECT count(*)::int AS kept FROM kept'), { kept: 1 })
})

test('one that is about to receive has no vote in a turn that begins meanwhile, until it has turned again', async (t) => {
  const { options, wantOf } = await start(t)
  const keeper = keepServer(options)
  t.after(() => keeper[Symbol.asyncDispose]())
  const asTold = (epoch: number) =>
    until(() => keeper.state().epoch === epoch && keeper.state().isAsTold, `turn ${epoch}`, limitMs)
  keeper.follow(wantOf(1, 'primary'))
  await asTold(1)
  keeper.follow(wantOf(2, 'turned'))
  await asTold(2)
  const settings = join(options.path, 'data', 'postgresql.auto.conf')
  const mayReceive = () => !readFileSync(settings, 'utf8').includes("primary_conninfo = ''")
  const members = [{ name: 'b', address: '127.0.0.1:1' }]
  keeper.follow(wantOf(3, 'replica', { primary: 'b', members, from: keeper.state().position }))
  // Noticed while the server has yet to load them.
  while (!mayReceive()) await new Promise(setImmediate)
  assert.ok(keeper.follow(wantOf(4, 'turned')))
  assert.ok(!keeper.state().isAsTold)
  await asTold(4)
  assert.ok(!mayReceive())
})
