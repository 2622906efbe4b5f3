import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mariadb'
import { layMariadb, mariadbMissing, startMariadb } from '../../../../test/support/mariadb-server.ts'
import { openDatabase } from '../port.ts'

const oddities = [
  ...[
    '--autocommit=0',
    '--completion-type=RELEASE',
    '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT',
  ],
  ...['--character-set-server=latin1', '--collation-server=latin1_swedish_ci', '--default-time-zone=-07:00'],
  ...['--transaction-isolation=SERIALIZABLE', '--max-statement-time=1000', '--wait-timeout=1'],
  ...['--max-allowed-packet=1M', '--innodb-flush-log-at-trx-commit=2'],
]
const globals = 'SET GLOBAL sql_safe_updates = 1, sql_select_limit = 2, foreign_key_checks = 0'

test('a server’s own settings change nothing that a program relies on', {
  skip: mariadbMissing(),
}, async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'octavo-settings-'))
  layMariadb(path)
  const server = await startMariadb(path, oddities)
  t.after(async () => {
    await server.stop()
    rmSync(path, { recursive: true, force: true })
  })
  const admin = await createConnection({ socketPath: join(path, 's'), user: 'root' })
  await admin.query(globals)
  await admin.query('CREATE DATABASE odd')
  await admin.end()
  const options = { applicationName: 'test', connectionsMax: 1 }
  await using database = await openDatabase(server.url('odd'), options)
  await using other = await openDatabase(server.url('odd'), options)
  assert.deepEqual(await database.query('SELECT @@max_statement_time AS seconds'), [{ seconds: 15 }])
  await database.execute(
    'CREATE TABLE things (n int PRIMARY KEY, words varchar(40) CHARACTER SET utf8mb4, at datetime(3)) ENGINE = InnoDB',
  )
  const [words, at] = ['\\ \' " || 書', new Date(1_800_000_000_123)]
  for (const n of [1, 2, 3]) await database.execute('INSERT INTO things VALUES (?, ?, ?)', [n, words, at])
  await database.transaction((tx) => tx.execute('UPDATE things SET n = n + 10'))
  const rows = [11, 12, 13].map((n) => ({ n, words, at }))
  assert.deepEqual(await other.query('SELECT * FROM things ORDER BY n'), rows)
  const ends: string[] = []
  const begun = Promise.withResolvers<void>()
  const alone = database.exclusively('test', async () => {
    begun.resolve()
    await sleep(2_500)
    ends.push('first')
  })
  await begun.promise
  await Promise.all([alone, other.exclusively('test', async () => void ends.push('second'))])
  assert.deepEqual(ends, ['first', 'second'], 'who does its work elsewhere keeps others out')
  const id = `octavo:${crypto.randomUUID()}`
  await database.prepare(id, async (tx) => {
    await tx.execute('UPDATE things SET n = n + 10')
    return { kind: 'prepared' }
  })
  assert.equal(await other.prepared.commit(id), 'done')
  // Within one second of its commit: that connection commits by itself again.
  await database.execute('DELETE FROM things WHERE n = 23')
  assert.deepEqual(await other.query('SELECT n FROM things ORDER BY n'), [{ n: 21 }, { n: 22 }])
})
