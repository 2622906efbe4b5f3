import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Payment, PaymentState } from '#ports/payment'
import type { TestScope } from '../../../test/support/database.ts'
import { addOrder, openOrders } from '../../../test/support/orders.ts'
import { auditOrders } from './audit.ts'

test('money that is not where its order says is found', async (t) => {
  const { findings } = await openShop(t)
  assert.deepEqual(await findings(async () => 'captured'), [])
  assert.match((await findings(async () => 'refunded')).join(), /\(confirmed\): payment is refunded/)
})

test('an order that goes on while its money is asked for is not taken for a wrong one', async (t) => {
  const { database, findings } = await openShop(t)
  const refundMeanwhile = async (): Promise<PaymentState> => {
    await database.execute(`UPDATE orders.orders SET status = 'refunded'`)
    return 'refunded'
  }
  assert.deepEqual(await findings(refundMeanwhile), [])
})

/** One order, confirmed and paid. */
async function openShop(t: TestScope) {
  const database = await openOrders(t, 'audit_orders')
  await addOrder(database, { status: 'confirmed', paymentKey: 'key', amount: 100 })
  const findings = async (state: Payment['state']) => {
    const checks = await auditOrders(database, { state } as Payment, { head: async () => undefined })
    return checks.flatMap((each) => each.findings.map(({ detail }) => detail))
  }
  return { database, findings }
}
