import { systemClock } from '#ports/clock'
import { type Database, migrate, openDatabase } from '#ports/database'
import { type TestScope, testDatabase } from './database.ts'

/** An OrderDb of a test's own, empty; it goes with the test. */
export async function openOrders(t: TestScope, name: string): Promise<Database> {
  const { url } = await testDatabase(t, name, 'orders')
  const database = await openDatabase(url, { applicationName: name, connectionsMax: 4 })
  t.after(() => database[Symbol.asyncDispose]())
  await migrate(database, new URL('../../src/services/orders/migrations/', import.meta.url), 'orders')
  return database
}

export type TestOrder = { status?: string; sagaId?: string; paymentKey?: string; amount?: number }

/** Puts an order of nothing in, whose hold has just run out. @returns its id */
export async function addOrder(database: Database, order: TestOrder = {}): Promise<string> {
  const { status = 'reserved', sagaId = null, paymentKey = null, amount = 0 } = order
  const id = systemClock.uuid()
  const details = JSON.stringify({ lines: [{ quantity: 0 }], total: { amount } })
  await database.execute(
    `INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, transaction_id, expires_at, details, status,
                                saga_id, payment_key)
     VALUES ($1, $1, $1, $1, $1, now(), $2, $3::orders.order_status, $4, $5)`,
    [id, details, status, sagaId, paymentKey],
  )
  return id
}
