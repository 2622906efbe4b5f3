import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSecrets } from '#config'
import { openDatabase } from '#ports/database'
import { storeEnvironment } from '../../src/local/running.ts'
import { idAt } from '../../src/services/orders/old/partitions.ts'
import { noteOld, putAway } from '../../src/services/orders/old/put-away.ts'
import { until as eventually } from '../support/until.ts'
import { accepted, refused } from './client.ts'
import { addBook, confirmed, leaves, line, newKey, order, type Shop, until } from './shop.ts'

/** What readers and staff can do with orders that were put away. */
export function oldOrderSuite(shop: () => Shop): void {
  test('an order that was put away is read, found, redeemed and given back as if it were not', async () => {
    const isbn = await addBook(shop(), { copies: 3, amount: 1250 })
    const key = newKey()
    const [kept, given] = [await confirmed(shop(), isbn), await confirmed(shop(), isbn)]
    const third = accepted(await order(shop(), [line(isbn)], { key }), 201)
    accepted(await shop().post(`/api/orders/${third.id}/cancel`, { token: third.token }))
    const read = async (id: string) =>
      accepted(await shop().get(`/api/orders/${id}`, { token: shop().staff }))
    const ids = [kept.id, given.id, third.id]
    const look = async () => {
      const list = accepted(await shop().get(`/api/orders?isbn=${isbn}`, { token: shop().staff })).items
      assert.equal(list.length, 3)
      const orders = [...list, ...(await Promise.all(ids.map(read)))]
      // Links are signed for an hour each.
      return JSON.parse(JSON.stringify(orders).replaceAll(/expires=[^"]+/g, ''))
    }
    const before = await look()
    await putAllAway(shop(), ids)

    assert.deepEqual(await look(), before)
    assert.equal(accepted(await order(shop(), [line(isbn)], { key })).id, third.id, 'its key is remembered')
    refused(await shop().get(`/api/orders/${kept.id}`, { token: given.token }), 404)
    const [voucher] = kept.vouchers
    assert.equal(
      accepted(await shop().get(`/api/vouchers/${voucher?.code}`, { token: shop().staff })).status,
      'valid',
    )
    accepted(await shop().post(`/api/vouchers/${voucher?.code}/redeem`, { token: shop().staff }))
    refused(
      await shop().post(`/api/vouchers/${voucher?.code}/redeem`, { token: shop().staff }),
      409,
      'already-redeemed',
    )
    assert.equal((await read(kept.id)).status, 'redeemed')
    accepted(await shop().post(`/api/orders/${given.id}/cancel`, { token: given.token }))
    await until(shop(), given, (now) => now.status === 'refunded')
    await leaves(shop(), isbn, 2)
  })
}

/** As if they had been at rest for long. */
async function putAllAway({ store }: Shop, ids: readonly string[]): Promise<void> {
  const { orderDb } = readSecrets(storeEnvironment(store.places), ['orderDb'])
  await using database = await openDatabase(orderDb, { applicationName: 'test' })
  const old = { beforeId: idAt(Date.now() + 1_000), restDays: 0 }
  // A saga may note its own end a moment after its order is confirmed.
  await eventually(async () => {
    const noted = await noteOld(database, old, idAt(0), 10_000)
    return ids.every((id) => noted.includes(id))
  }, 'the orders are at rest')
  // And the staff's index may have them a moment later still.
  let away = 0
  await eventually(async () => {
    away += await putAway(database, ids)
    return away === ids.length
  }, 'the orders are put away')
}
