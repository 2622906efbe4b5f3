import assert from 'node:assert/strict'
import test from 'node:test'
import pg from 'pg'
import { testDatabase, testServers } from './database.ts'

async function ask(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('two databases asked for under one name share nothing', async (t) => {
  const first = await testDatabase(t, 'same')
  const second = await testDatabase(t, 'same')
  await ask(first.url, 'CREATE TABLE book (isbn text)')
  const tables = `SELECT count(*)::int AS n FROM pg_tables WHERE tablename = 'book'`
  assert.deepEqual(await ask(first.url, tables), [{ n: 1 }])
  assert.deepEqual(await ask(second.url, tables), [{ n: 0 }])
})

test('case and letters follow Unicode, and the extensions of the search are there', async (t) => {
  const { url } = await testDatabase(t, 'letters')
  await ask(url, 'CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent')
  const [row] = await ask(url, `SELECT lower('ÉTÉ') AS small, unaccent('été') AS plain`)
  assert.deepEqual(row, { small: 'été', plain: 'ete' })
})

test('a database is gone when its test has ended', async (t) => {
  let url = ''
  await t.test('the test that owns it', async (inner) => {
    url = (await testDatabase(inner, 'short')).url
    await ask(url, 'SELECT 1')
  })
  await assert.rejects(ask(url, 'SELECT 1'), /does not exist/)
})

test('a prepared transaction survives the kill of its server', async (t) => {
  const [server] = await testServers(t, 1)
  assert.ok(server)
  await server.ensureDatabase('books')
  const url = server.url('books')
  await ask(url, `CREATE TABLE stock (n int); BEGIN; INSERT INTO stock VALUES (1); PREPARE TRANSACTION 'one'`)
  await server.kill()
  await assert.rejects(ask(url, 'SELECT 1'))
  await server.start()
  assert.deepEqual(await ask(url, 'SELECT gid FROM pg_prepared_xacts'), [{ gid: 'one' }])
})

test('a paused server answers nobody until it is resumed', async (t) => {
  const [server] = await testServers(t, 1)
  assert.ok(server)
  await server.pause()
  let answered = false
  const answer = ask(server.url('postgres'), 'SELECT 1').then(() => {
    answered = true
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.equal(answered, false)
  await server.resume()
  await answer
})
