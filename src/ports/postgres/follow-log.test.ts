import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock as clock } from '#ports/clock'
import { testDatabase } from '../../../test/support/database.ts'
import { until } from '../../../test/support/until.ts'
import { followLog } from './follow-log.ts'

/** How a client takes leave. Source: PostgreSQL manual, chapter 54 "Terminate". */
const terminate = Buffer.from([0x58, 0, 0, 0, 4])

test('who finds the log followed by another takes leave of the server, which would note an error otherwise', async (t) => {
  const { url } = await testDatabase(t, 'farewell')
  const client = new pg.Client({ connectionString: url })
  // The database is dropped with whoever is still there.
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  await client.query(
    `SELECT pg_create_logical_replication_slot('taken_' || oid, 'pgoutput', true)
       FROM pg_database WHERE datname = current_database()`,
  )
  const between = await listenBetween(t, client)
  const through = new URL(url)
  through.search = ''
  through.host = `127.0.0.1:${between.port}`
  const follower = followLog(through.href, {
    ...{ applicationName: 'test', clock, publications: [], name: 'taken' },
    onBegun: () => assert.fail('another one follows'),
    onRow: () => undefined,
    onEmptied: () => undefined,
    onCommitted: () => undefined,
  })
  t.after(() => follower[Symbol.asyncDispose]())
  await until(() => between.lastWords.length > 0, 'it has gone')
  assert.deepEqual(between.lastWords[0], terminate)
})

/** Passes connections on to the server of a client, and keeps what each said last. */
async function listenBetween(t: TestContext, { host, port }: pg.Client) {
  const lastWords: Buffer[] = []
  const server = createServer((incoming) => {
    const outgoing = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    let last: Buffer = Buffer.alloc(0)
    incoming.on('data', (chunk) => {
      last = chunk
    })
    incoming.on('close', () => lastWords.push(last))
    for (const socket of [incoming, outgoing]) socket.on('error', () => undefined)
    incoming.pipe(outgoing).pipe(incoming)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { lastWords, port: (server.address() as { port: number }).port }
}
