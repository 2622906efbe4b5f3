import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createConnection } from 'mariadb'
import { layMariadb, mariadbMissing, startMariadb } from '../../../../test/support/mariadb-server.ts'
import { until } from '../../../../test/support/until.ts'
import { DatabaseUnavailable, openDatabase } from '../port.ts'

/** The tables share one file, which cannot grow, as on a disk that is full. */
const settings = (more = '') => ['--innodb-file-per-table=0', `--innodb-data-file-path=ibdata1:12M${more}`]
const connectionsOfUser = 2

test('without room for data or connections the database is away, reads go on, and with room all is well', {
  skip: mariadbMissing(),
}, async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'octavo-no-room-'))
  layMariadb(path)
  let server = await startMariadb(path, settings())
  t.after(async () => {
    await server.stop()
    rmSync(path, { recursive: true, force: true })
  })
  const admin = await createConnection({ socketPath: join(path, 's'), user: 'root' })
  await admin.query('CREATE DATABASE small')
  await admin.query(`CREATE USER shop@localhost WITH MAX_USER_CONNECTIONS ${connectionsOfUser}`)
  await admin.query('GRANT ALL ON small.* TO shop@localhost')
  await admin.end()
  const url = server.url('small').replace('root@', 'shop@')
  await using database = await openDatabase(url, { applicationName: 'test', connectionsMax: 1 })
  await database.execute('CREATE TABLE things (n int PRIMARY KEY, body longtext)')
  await database.execute('CREATE TABLE ballast (n int PRIMARY KEY AUTO_INCREMENT, body longtext)')
  const lay = () => database.execute("INSERT INTO ballast (body) VALUES (REPEAT('x', 500000))")
  await assert.rejects(async () => {
    for (let i = 0; i < 100; i++) await lay()
  }, DatabaseUnavailable)
  const write = (id: string) =>
    database.prepare(id, async (tx) => {
      await tx.execute("INSERT INTO things VALUES (1, REPEAT('x', 2000000))")
      return { kind: 'prepared' }
    })
  const id = `octavo:${crypto.randomUUID()}`
  await assert.rejects(write(id), DatabaseUnavailable)
  assert.deepEqual(await database.query('SELECT n FROM things'), [])
  assert.deepEqual(await database.prepared.inDoubt(), [])
  await server.stop()
  server = await startMariadb(path, settings(':autoextend'))
  await until(() =>
    write(id).then(
      () => true,
      () => false,
    ),
  )
  assert.equal(await database.prepared.commit(id), 'done')
  assert.deepEqual(await database.query('SELECT n FROM things'), [{ n: 1 }])
  await using others = await openDatabase(url, { applicationName: 'others', connectionsMax: 4 })
  const asked = await Promise.allSettled(Array.from({ length: 4 }, () => others.query('SELECT SLEEP(0.1)')))
  const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  assert.ok(refused.length > 0, 'its connections are counted')
  for (const error of refused) assert.ok(error instanceof DatabaseUnavailable, String(error))
})
