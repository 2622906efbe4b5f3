import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '#ports/clock'
import { migrate, openDatabase } from '#ports/database'
import type { Payment, PaymentState } from '#ports/payment'
import { type TestScope, testDatabase } from '../../local/test-database.ts'
import { auditOrders } from './audit.ts'

test('money that is not where its order says is found', async (t) => {
  const { findings } = await openOrders(t)
  assert.deepEqual(await findings(async () => 'captured'), [])
  assert.match((await findings(async () => 'refunded')).join(), /\(confirmed\): payment is refunded/)
})

test('an order that goes on while its money is asked for is not taken for a wrong one', async (t) => {
  const { database, findings } = await openOrders(t)
  const refundMeanwhile = async (): Promise<PaymentState> => {
    await database.execute(`UPDATE orders.orders SET status = 'refunded'`)
    return 'refunded'
  }
  assert.deepEqual(await findings(refundMeanwhile), [])
})

/** One order, confirmed and paid. */
async function openOrders(t: TestScope) {
  const { url } = await testDatabase(t, 'audit_orders')
  const database = await openDatabase(url, { applicationName: 'audit-orders', connectionsMax: 2 })
  t.after(() => database[Symbol.asyncDispose]())
  await migrate(database, new URL('./migrations/', import.meta.url), 'orders')
  await database.execute(
    `INSERT INTO orders.orders
       (id, idempotency_key, body_hash, token_hash, details, expires_at, transaction_id, status, payment_key)
     VALUES ($1, $1, $1, $1, '{"lines":[{"quantity":0}],"total":{"amount":100}}', now(), $1, 'confirmed', 'key')`,
    [clock.uuid()],
  )
  const findings = async (state: Payment['state']) => {
    const checks = await auditOrders(database, { state } as Payment)
    return checks.flatMap((each) => each.findings.map(({ detail }) => detail))
  }
  return { database, findings }
}
