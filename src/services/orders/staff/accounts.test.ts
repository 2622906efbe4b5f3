import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '#ports/database'
import { openOrders } from '../../../../test/support/orders.ts'
import { ensureFirstAccount } from './accounts.ts'
import { isPassword } from './passwords.ts'

test('of processes that start at once one makes the first account, and the next does not change it', async (t) => {
  const database = await openOrders(t, 'first_account')
  const [first, second] = ['a first long password', 'a second long password']
  await ensureFirstAccount(database, 'Staff@example.org', first)
  const accounts = async () =>
    await database.query<{ email: string; hash: string }>(
      'SELECT email, password_hash AS hash FROM orders.staff',
      [],
    )
  // The other process has looked before the first one wrote.
  const before: Database = { ...database, query: async () => [{ any: false }] as never[] }
  await ensureFirstAccount(before, 'staff@example.org', second)
  await ensureFirstAccount(before, 'other@example.org', second)
  const [account, ...more] = await accounts()
  assert.deepEqual([account?.email, more], ['staff@example.org', []])
  assert.ok(await isPassword(first, account?.hash ?? ''))
})
