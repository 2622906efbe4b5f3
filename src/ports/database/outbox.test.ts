import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '#ports/broker'
import { systemClock } from '#ports/clock'
import { type TestScope, testDatabase, testServers } from '../../../test/support/database.ts'
import { until } from '../../../test/support/until.ts'
import { type Database, openDatabase, startOutboxRelay } from './port.ts'

const clock = systemClock
const outboxTable = `
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  payload json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
)`

test('what a transaction wrote to the outbox reaches the broker once it commits, and never when it does not', async (t) => {
  const { database, url } = await service(t)
  await using _database = database
  await using broker = await openBroker(url, { applicationName: 'test' })
  const heard: unknown[] = []
  await broker.listen(['a'], async (m) => void heard.push(m.payload))
  await using relay = startOutboxRelay({ database, schema: 'shop', broker, clock })
  await database.transaction((tx) => write(tx, [1, 2, 3]))
  relay.ring()
  await until(() => heard.length === 3)
  await assert.rejects(
    database.transaction(async (tx) => {
      await write(tx, [4])
      throw new Error('rolled back')
    }),
  )
  relay.ring()
  await database.transaction((tx) => write(tx, [5]))
  // Without a ring the relay looks by itself.
  await until(() => heard.length === 4)
  assert.deepEqual(heard, [1, 2, 3, 5])
  assert.deepEqual(await database.query('SELECT 1 FROM shop.outbox', []), [])
})

test('two relays on one outbox carry each message once when nothing fails', async (t) => {
  const { database, url } = await service(t)
  await using _database = database
  await using broker = await openBroker(url, { applicationName: 'test' })
  const heard: number[] = []
  await broker.listen(['a'], async (m) => void heard.push(Number(m.payload)))
  await using first = startOutboxRelay({ database, schema: 'shop', broker, clock })
  await using second = startOutboxRelay({ database, schema: 'shop', broker, clock })
  for (let i = 0; i < 30; i++) {
    await write(
      database,
      Array.from({ length: 50 }, (_, n) => i * 50 + n),
    )
    first.ring()
    second.ring()
  }
  await until(() => heard.length >= 1500)
  await sleep(50)
  assert.equal(heard.length, 1500)
  assert.equal(new Set(heard).size, 1500)
})

test('a relay that stops does not wait for a broker that says nothing, and what it did not take stays', async (t) => {
  const { database } = await service(t)
  await using _database = database
  const asked = Promise.withResolvers<void>()
  const silent = {
    publish() {
      asked.resolve()
      return new Promise<never>(() => {})
    },
  }
  const relay = startOutboxRelay({ database, schema: 'shop', broker: silent, clock })
  await write(database, [1])
  relay.ring()
  await asked.promise
  await relay[Symbol.asyncDispose]()
  assert.equal((await database.query('SELECT 1 FROM shop.outbox', [])).length, 1)
})

test('nothing published or written to an outbox is lost when the server of both is killed and comes back', async (t) => {
  const [server] = await testServers(t, 1)
  assert.ok(server)
  await server.ensureDatabase('orders')
  const url = server.url('orders')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await database.query(`CREATE SCHEMA shop; SET search_path = shop; ${outboxTable}`)
  await using broker = await openBroker(url, { applicationName: 'test', retryBaseMs: 20 })
  const listened = new Set<unknown>()
  const queued = new Set<unknown>()
  await broker.listen(['a'], async (m) => void listened.add(m.payload))
  await broker.subscribe('q', ['a'], async (m) => void queued.add(m.payload))
  await using relay = startOutboxRelay({ database, schema: 'shop', broker, clock })
  const acknowledged: number[] = []
  let stop = false
  const writing = (async () => {
    for (let i = 0; !stop; i++) {
      // A failure leaves the outcome unknown; only what was acknowledged counts.
      const ok = await write(database, [i]).then(
        () => true,
        () => false,
      )
      if (ok) acknowledged.push(i)
      relay.ring()
      await sleep(3)
    }
  })()
  const written = (more: number, before = acknowledged.length) =>
    until(() => acknowledged.length >= before + more)
  for (let round = 0; round < 2; round++) {
    await written(50)
    await server.kill()
    await server.start()
  }
  await written(50)
  stop = true
  await writing
  await until(() => acknowledged.every((i) => listened.has(i) && queued.has(i)))
})

type Writer = Pick<Database, 'execute'>

async function write(writer: Writer, payloads: readonly unknown[]): Promise<void> {
  await writer.execute(
    `INSERT INTO shop.outbox (topic, payload) SELECT 'a', payload::jsonb FROM unnest($1::text[]) AS payload`,
    [payloads.map((payload) => JSON.stringify(payload))],
  )
}

async function service(t: TestScope): Promise<{ database: Database; url: string }> {
  const { url } = await testDatabase(t, 'outbox')
  const database = await openDatabase(url, { applicationName: 'test' })
  await database.query(`CREATE SCHEMA shop; SET search_path = shop; ${outboxTable}`)
  return { database, url }
}
