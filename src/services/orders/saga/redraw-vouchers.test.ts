import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '#ports/clock'
import { takeFence } from '#ports/lease'
import { openObjectStore } from '#ports/object-store'
import type { Payment } from '#ports/payment'
import { type VoucherData, voucherObjectKey } from '#services/vouchers'
import type { TestScope } from '../../../../test/support/database.ts'
import { addOrder, openOrders } from '../../../../test/support/orders.ts'
import { auditOrders } from '../audit.ts'
import type { Context } from '../context.ts'
import { gather } from '../gathered.ts'
import { createVoucherSweep, redrawMissing } from './redraw-vouchers.ts'

test('a PDF that is gone from the object store is found by the audit and drawn again by the sweep', async (t) => {
  const { context, drawn, lose, lost } = await openShop(t)
  const sweep = createVoucherSweep(context, await takeFence(context.database, 'orders', 'sweeper', 'test'))
  assert.deepEqual(await lost(), [])
  assert.deepEqual(await sweep(), { walked: true, missing: 0 })
  await lose('SECOND')
  assert.match((await lost()).join(), /SECOND of order/)
  assert.deepEqual(await sweep(), { walked: true, missing: 1 })
  assert.deepEqual(
    drawn.map(({ code, number, count }) => [code, number, count]),
    [['SECOND', 2, 2]],
  )
  assert.deepEqual(await lost(), [])
  assert.deepEqual(await sweep(), { walked: true, missing: 0 })
})

test('a download that finds nothing has its voucher drawn again, and nothing else', async (t) => {
  const { context, drawn, lose, keyOf } = await openShop(t)
  await redrawMissing(context, { key: keyOf('FIRST') })
  await redrawMissing(context, { key: 'vouchers/none/NONE.pdf' })
  await redrawMissing(context, { key: 'something else' })
  assert.deepEqual(drawn, [])
  await lose('FIRST')
  await redrawMissing(context, { key: keyOf('FIRST') })
  assert.deepEqual(
    drawn.map(({ code }) => code),
    ['FIRST'],
  )
})

test('a voucher that is revoked, or whose order is on its way, is not drawn again', async (t) => {
  const { context, drawn, lose } = await openShop(t)
  const sweep = createVoucherSweep(context, await takeFence(context.database, 'orders', 'sweeper', 'test'))
  await lose('FIRST')
  await lose('SECOND')
  await context.database.execute(`UPDATE orders.vouchers SET status = 'revoked' WHERE code = 'FIRST'`)
  await context.database.execute(`UPDATE orders.orders SET status = 'paid'`)
  await sweep()
  assert.deepEqual(drawn, [])
  await context.database.execute(`UPDATE orders.orders SET status = 'confirmed'`)
  await sweep()
  assert.deepEqual(
    drawn.map(({ code, count }) => [code, count]),
    [['SECOND', 1]],
  )
})

/** A confirmed order with two vouchers whose PDFs are stored, and a generator that stores what it is asked for. */
async function openShop(t: TestScope) {
  const database = await openOrders(t, 'redraw')
  const folder = await mkdtemp(join(tmpdir(), 'octavo-redraw-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const objects = await openObjectStore(pathToFileURL(folder).href, { secret: 'secret' })
  t.after(() => objects[Symbol.asyncDispose]())
  const orderId = await addOrder(database, { status: 'confirmed' })
  const keyOf = (code: string) => voucherObjectKey(orderId, code)
  for (const [i, code] of ['FIRST', 'SECOND'].entries()) {
    await database.execute(
      `INSERT INTO orders.vouchers (code, order_id, number, isbn, title, stored_at)
       VALUES ($1, $2, $3, '9780000000002', 'A title', now())`,
      [code, orderId, i + 1],
    )
    await objects.put(keyOf(code), Buffer.from('pdf'), 'application/pdf')
  }
  const drawn: VoucherData[] = []
  const client = {
    async call(service: string, _route: unknown, options: { body: { vouchers: VoucherData[] } }) {
      if (service !== 'vouchers') throw new Error('away')
      for (const voucher of options.body.vouchers) {
        drawn.push(voucher)
        await objects.put(
          voucherObjectKey(voucher.orderId, voucher.code),
          Buffer.from('pdf'),
          'application/pdf',
        )
      }
      return { stored: [], dueInMs: 0 }
    },
  } as unknown as Context['client']
  const { privateKey: voucherKey } = generateKeyPairSync('ed25519')
  const gathered = gather({ database, client, clock: systemClock, broker: { publish: async () => {} } })
  const context = { database, objects, gathered, voucherKey }
  const payment = { state: async () => undefined } as unknown as Payment
  const lost = async () => {
    const checks = await auditOrders(database, payment, objects)
    const check = checks.find(({ invariant }) => invariant.includes('PDF'))
    return check?.findings.map(({ detail }) => detail) ?? ['not checked']
  }
  return { context, drawn, keyOf, lost, lose: (code: string) => objects.delete(keyOf(code)) }
}
