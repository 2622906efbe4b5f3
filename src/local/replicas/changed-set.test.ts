import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { lost, newFolder, startOn, startSet } from '../../../test/support/replicated-set.ts'

test('a replica that was away while the store ran without it is not promoted on what it had then', async (t) => {
  const data = await newFolder(t)
  const first = await startOn(t, data, { replicas: 2 })
  await first.database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  await first.allFollow()
  await first.stop()
  const alone = await startOn(t, data, { replicas: 0 })
  await alone.database.execute('INSERT INTO kept (n) VALUES (1)')
  await alone.stop()

  const cluster = join(data, 'book-db', 'data')
  renameSync(cluster, `${cluster}.away`)
  await assert.rejects(startOn(t, data, { replicas: 2 }), /there is no database/)
  renameSync(`${cluster}.away`, cluster)
  const again = await startOn(t, data, { replicas: 2 })
  await again.allFollow()
  const old = again.primary()
  again.signal(old, 'SIGKILL')
  await again.replaced(old)
  assert.deepEqual(await lost(again.database, [1]), [])
  await again.allFollow()
  await again.stop()

  renameSync(join(data, `book-db.${again.primary()}`, 'data'), `${cluster}.away`)
  await assert.rejects(startOn(t, data, { replicas: 4 }), /start it with --replicas 2, as it last ran/)
  const others = await startOn(t, data, { replicas: 2 })
  assert.deepEqual(await lost(others.database, [1]), [], 'one of as many has taken its place')
})

test('a replica that has not read all of its own log yet is not passed over for one that has less', async (t) => {
  const data = await newFolder(t)
  // Commits are applied late, as where there are many.
  const slow = { replicas: 2, settings: { recovery_min_apply_delay: '8s' } }
  const first = await startOn(t, data, slow)
  await first.database.execute('CREATE TABLE kept (n int PRIMARY KEY)')
  await first.allFollow()
  // The third has what the second has not.
  first.signal(2, 'SIGSTOP', /walreceiver/)
  const acknowledged = [1, 2, 3]
  for (const n of acknowledged) await first.database.execute('INSERT INTO kept (n) VALUES ($1)', [n])
  await first.kill()

  const cluster = join(data, 'book-db', 'data')
  renameSync(cluster, `${cluster}.away`)
  const again = await startOn(t, data, slow)
  assert.notEqual(again.primary(), 1)
  assert.deepEqual(await lost(again.database, acknowledged), [])
})

test('a planned change waits for the server that is to be the primary', async (t) => {
  const { path, primary, signal, replaced, allFollow } = await startSet(t)
  await allFollow()
  const old = primary()
  const wanted = old === 3 ? 4 : 3
  const freezing = setInterval(() => signal(wanted, 'SIGSTOP'), 50)
  t.after(() => clearInterval(freezing))
  await sleep(500)
  writeFileSync(join(path, 'switchover.json'), JSON.stringify({ to: wanted }))
  await sleep(1_500)
  assert.equal(primary(), old)
  clearInterval(freezing)
  await replaced(old)
  assert.equal(primary(), wanted)
})
