import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { testDatabase } from '../../../../test/support/database.ts'
import { until } from '../../../../test/support/until.ts'
import { openBroker } from '../port.ts'
import { createSchema, prune } from './schema.ts'

test('messages past their age or number are deleted, but none that a queue still holds for its subscribers', async (t) => {
  const { url } = await testDatabase(t, 'broker')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await createSchema(database, systemClock)
  const insert = (count: number, age: string) =>
    database.execute(
      `INSERT INTO broker.messages (topic, payload, published_at)
       SELECT 'a', '1', now() - $2::interval FROM generate_series(1, $1)`,
      [count, age],
    )
  await insert(10, '8 days')
  await insert(10, '1 hour')
  await insert(60_000, '1 second')
  // Every fifth of the first forty is still to be handled.
  await database.execute(
    `INSERT INTO broker.deliveries (queue, message_id, attempt) SELECT 'q', id, 3 FROM broker.messages WHERE id <= 40 AND id % 5 = 0`,
  )
  let rounds = 0
  while ((await prune(database)) === 'more') rounds++
  assert.ok(rounds < 10)
  const [left] = await database.query<{ held: number; free: number }>(
    `SELECT count(*) FILTER (WHERE id <= 40) AS held, count(*) FILTER (WHERE id > 40) AS free FROM broker.messages`,
    [],
  )
  assert.deepEqual(left, { held: 6, free: 50_000 })
  await using broker = await openBroker(url, { applicationName: 'test' })
  const dead = await broker.deadLetters('q')
  assert.deepEqual(
    dead.map(({ id, attempt, error }) => [id, attempt, error]),
    [
      ['10', 3, 'nobody took it in time'],
      ['5', 3, 'nobody took it in time'],
    ],
  )
})

test('processes that start together create the schema once', async (t) => {
  const { url } = await testDatabase(t, 'broker')
  const brokers = await Promise.all(
    Array.from({ length: 6 }, () => openBroker(url, { applicationName: 'test' })),
  )
  for (const broker of brokers) await broker[Symbol.asyncDispose]()
})

test('a subscriber that dies with a message gives it to another when its lease ends, and one that kills all goes to the dead letters', async (t) => {
  const { url } = await testDatabase(t, 'broker')
  await using database = await openDatabase(url, { applicationName: 'test' })
  await using broker = await openBroker(url, { applicationName: 'test' })
  const handled: unknown[] = []
  await (await broker.subscribe('q', ['a'], async () => undefined))[Symbol.asyncDispose]()
  await broker.publish([
    { topic: 'a', payload: 'left behind' },
    { topic: 'a', payload: 'deadly' },
  ])
  // What a claim leaves behind whose subscriber was killed, once its lease has run out.
  await database.execute(
    `UPDATE broker.deliveries SET due_at = now() - interval '1 ms', attempt = CASE message_id WHEN 1 THEN 1 ELSE 8 END`,
  )
  await broker.subscribe('q', ['a'], async ({ payload, attempt }) => void handled.push([payload, attempt]))
  await until(async () => handled.length > 0 && (await broker.deadLetters('q')).length > 0)
  assert.deepEqual(handled, [['left behind', 2]])
  const [letter] = await broker.deadLetters('q')
  assert.equal(letter?.payload, 'deadly')
  assert.equal(letter?.attempt, 8)
})
