import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agent, request } from 'undici'
import { openDatabase } from '#ports/database'
import { testServers } from '../support/database.ts'
import { openProcessCluster, sharedParts } from '../support/process-cluster.ts'
import { until } from '../support/until.ts'
import { placeOrder, type Wanted } from './clients.ts'
import { addTitles } from './titles.ts'

test('a store whose databases can only be read starts, is read from, and sells as soon as they can be written to', {
  timeout: 200_000,
}, async (t) => {
  const [books, orders] = await testServers(t)
  assert.ok(books && orders)
  await Promise.all([books.ensureDatabase('books'), orders.ensureDatabase('orders')])
  const shared = sharedParts(t, books.url('books'), orders.url('orders'))
  const cluster = await openProcessCluster(t, 'standby', shared)
  await cluster.start()
  const [isbn = ''] = await addTitles({ url: cluster.url, staff: shared.staff }, [100])
  await cluster.stop()
  const makeReadOnly = async (isReadOnly: boolean) => {
    for (const [server, name] of [
      [books, 'books'],
      [orders, 'orders'],
    ] as const) {
      await using database = await openDatabase(server.url(name), { applicationName: 'test' })
      await database.execute('SET default_transaction_read_only = off')
      await database.execute(
        `ALTER DATABASE ${name} SET default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`,
      )
      // As a copy that becomes the primary does, it ends who is connected.
      await database.execute(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
    }
  }
  await makeReadOnly(true)
  await cluster.start({ OCTAVO_MIGRATE: 'off' })
  const { statusCode, body } = await request(`${cluster.url}/api/books/${isbn}`)
  await body.dump()
  assert.equal(statusCode, 200)
  const wanted = (): Wanted => ({
    ...{ key: crypto.randomUUID(), lines: [{ isbn, quantity: 1 }], attempts: [], told: [] },
    ...{ token: undefined, afterwards: 'nothing' },
  })
  const agent = new Agent()
  t.after(() => agent.destroy())
  const refused = wanted()
  await placeOrder(cluster.url, agent, refused, () => 1, 1)
  assert.deepEqual([refused.told, refused.attempts[0]?.status], [[], 503])
  await makeReadOnly(false)
  await until(async () => {
    const sold = wanted()
    await placeOrder(cluster.url, agent, sold, () => 1, 1)
    return sold.told.length === 1
  }, 'it sells')
})
