import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readSecrets } from '#config'
import { audit, auditSecrets } from '../../src/commands/audit.ts'
import { storeEnvironment } from '../../src/local/running.ts'
import { openDatabase } from '../../src/ports/database/port.ts'
import { openPayment } from '../../src/ports/payment/port.ts'
import { accepted, refused } from './client.ts'
import { openEvents } from './event-stream.ts'
import { openShop } from './open-shop.ts'
import {
  addBook,
  goodCard,
  leaves,
  line,
  newKey,
  order,
  pay,
  place,
  type Shop,
  silentCard,
  until,
} from './shop.ts'

// A store that holds copies for seconds only, to see holds run out.
const holdSeconds = 3

const endings: (() => unknown)[] = []
let shop: Shop
before(async () => {
  shop = await openShop({ after: (work) => endings.push(work) }, { OCTAVO_HOLD_SECONDS: String(holdSeconds) })
})
after(async () => {
  for (const end of endings) await end()
})

test('a hold that is not paid in time expires: the copies go back, the reader is told, and nobody can pay it', async () => {
  const isbn = await addBook(shop, { copies: 2 })
  const key = newKey()
  const beforeMs = Date.now()
  const placed = await place(shop, isbn, 2, { key })
  const held = Date.parse(
    accepted(await shop.get(`/api/orders/${placed.id}`, { token: placed.token })).expiresAt,
  )
  const heldSince = held - holdSeconds * 1000
  assert.ok(beforeMs <= heldSince && heldSince <= Date.now(), `held since ${heldSince}`)
  refused(await order(shop, [line(isbn)]), 409, 'out-of-stock')
  await using stream = await openEvents(shop, `/api/orders/${placed.id}/events?token=${placed.token}`)
  await using copies = await openEvents(shop, `/api/books/${isbn}/availability/events`)
  await stream.until(({ data }) => data.status === 'expired')
  await copies.until(({ data }) => data.available === 2)
  assert.ok(Date.now() >= held)
  await leaves(shop, isbn, 2)
  refused(await pay(shop, placed), 409)
  refused(await shop.post(`/api/orders/${placed.id}/cancel`, { token: placed.token }), 409)
  const again = await order(shop, [line(isbn, 2)], { key })
  assert.deepEqual([again.status, again.body.status], [200, 'expired'], 'its key still means this order')
  await place(shop, isbn, 2)
})

test('a payment that is never answered ends with the hold, and its money and copies are nobody else’s', async () => {
  const isbn = await addBook(shop, { copies: 1 })
  const placed = await place(shop, isbn)
  accepted(await pay(shop, placed, silentCard), 202)
  const over = await until(
    shop,
    placed,
    ({ status }) => ['expired', 'failed', 'cancelled'].includes(status),
    60_000,
  )
  assert.deepEqual(over.vouchers, [])
  await leaves(shop, isbn, 1)
})

test('money that an order kept though it ended goes back when staff cancel it, as its alert’s runbook says', async () => {
  const secrets = readSecrets(storeEnvironment(shop.store.places), auditSecrets)
  const placed = await place(shop, await addBook(shop, { copies: 1 }))
  const { total } = await until(shop, placed, ({ status }) => status === 'expired', 60_000)
  await using payment = await openPayment(secrets.payment)
  const card = payment.tokenise({ method: 'test', card: goodCard })
  assert.ok(card.kind === 'ok')
  const key = crypto.randomUUID()
  await payment.authorise(key, total, card.token)
  await payment.capture(key)
  await using orders = await openDatabase(secrets.orderDb, { applicationName: 'test' })
  await orders.execute('UPDATE orders.orders SET payment_key = $2 WHERE id = $1', [placed.id, key])
  for (let i = 0; i < 2; i++)
    accepted(await shop.post(`/api/orders/${placed.id}/cancel`, { token: shop.staff }))
  await until(shop, placed, ({ status }) => status === 'refunded')
  assert.equal(await payment.state(key), 'refunded')
})

test('the books are in order', async () => {
  const checks = await audit(readSecrets(storeEnvironment(shop.store.places), auditSecrets))
  assert.deepEqual(
    checks.flatMap(({ findings }) => findings),
    [],
  )
})
