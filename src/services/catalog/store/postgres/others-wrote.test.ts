import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { systemClock as clock } from '#ports/clock'
import { askStanding } from '#ports/postgres'
import { type TestScope, testDatabase, testServers } from '../../../../../test/support/database.ts'
import { until } from '../../../../../test/support/until.ts'
import type { OthersWrote } from '../catalog-store.ts'
import { openStore } from '../open-store.ts'
import { testOthersNews } from '../suite/others-suite.ts'
import { add, entryFor } from '../suite/suite-books.ts'

testOthersNews('postgres', async (t) => {
  const { url } = await testDatabase(t, 'others', 'books')
  return { store: await openBooks(t, url), byHand: { namesBooks: true, execute: await openByHand(t, url) } }
})

test('of several processes one follows the log, and another one when it goes', async (t) => {
  const { url } = await testDatabase(t, 'followers', 'books')
  const [first, second] = [await openBooks(t, url), await openBooks(t, url)]
  const heard: [string, OthersWrote][] = []
  const following = first.hearOfOthers(clock, (wrote) => heard.push(['first', wrote]))
  await until(() => heard.length === 1, 'the first follows')
  const waiting = second.hearOfOthers(clock, (wrote) => heard.push(['second', wrote]))
  t.after(() => waiting[Symbol.asyncDispose]())
  const byHand = await openByHand(t, url)
  await add(first, entryFor(1))
  await byHand('UPDATE books SET limited = true')
  await until(() => heard.length === 2, 'a write is heard of')
  assert.deepEqual(heard[1], ['first', { kind: 'titles', isbns: [entryFor(1).isbn] }])
  await following[Symbol.asyncDispose]()
  await until(() => heard.length === 3, 'the second follows')
  assert.deepEqual(heard[2], ['second', { kind: 'anything' }])
})

test('a server that was away is followed again, and it may be anything that was written meanwhile', async (t) => {
  const [server] = await testServers(t, 1)
  assert.ok(server)
  await server.ensureDatabase('books')
  const store = await openBooks(t, server.url('books'))
  const heard: OthersWrote[] = []
  const following = store.hearOfOthers(clock, (wrote) => heard.push(wrote))
  t.after(() => following[Symbol.asyncDispose]())
  await until(() => heard.length === 1)
  const standing = await askStanding(server.url('books'), 20_000)
  assert.deepEqual(standing?.followers, [], 'who follows the log is no replica')
  await server.kill()
  await server.start()
  await until(() => heard.length === 2, 'it is followed again')
  assert.deepEqual(heard[1], { kind: 'anything' })
  const byHand = await openByHand(t, server.url('books'))
  await add(store, entryFor(1))
  await byHand('TRUNCATE books CASCADE')
  await until(() => heard.length === 3)
  assert.deepEqual(heard[2], { kind: 'anything' })
  const kept = await byHand('SELECT count(*)::int AS n FROM pg_replication_slots WHERE NOT temporary')
  assert.equal(kept.rows[0].n, 0, 'the server keeps its log for nobody who has gone')
})

async function openBooks(t: TestScope, url: string) {
  const store = await openStore(url, { applicationName: 'test' })
  t.after(() => store[Symbol.asyncDispose]())
  await store.migrate()
  return store
}

async function openByHand(t: TestScope, url: string) {
  const client = new pg.Client({ connectionString: url, options: '-c search_path=catalog,public' })
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  return (sql: string) => client.query(sql)
}
