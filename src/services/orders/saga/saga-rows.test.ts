import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import type { Database } from '#ports/database'
import { ObjectStoreUnavailable, openObjectStore } from '#ports/object-store'
import { openTracing } from '#ports/telemetry'
import { voucherObjectKey } from '#services/vouchers'
import { addOrder, openOrders } from '../../../../test/support/orders.ts'
import { startOtlpReceiver } from '../../../../test/support/otlp-receiver.ts'
import { until } from '../../../../test/support/until.ts'
import { auditOrders } from '../audit.ts'
import type { Context } from '../context.ts'
import { type Attempt, next, type Progress } from './next.ts'
import { noteStoredVouchers, thoseThere } from './note-stored-voucher.ts'
import { oldestSagas } from './oldest-sagas.ts'
import type { Saga, Step } from './saga.ts'
import { probeFailing, wakeWhenBack } from './try-again.ts'
import { writeProgress } from './write-progress.ts'

test('a saga that goes on trying and gets nowhere is reported as stuck', async (t) => {
  const database = await openOrders(t, 'saga_rows')
  const saga = await addSaga(database)
  const stuck = async () =>
    (await auditOrders(database, noPayments, noObjects)).flatMap(({ findings }) => findings)
  await database.execute(`UPDATE orders.sagas SET updated_at = now() - interval '11 minutes'`, [])
  await write(database, saga, { kind: 'failed', error: 'the provider is away' })
  assert.match((await stuck()).map(({ detail }) => detail).join(), /the provider is away/)
  await write(database, saga, { kind: 'done' })
  assert.deepEqual(await stuck(), [], 'it has moved')
})

test('the oldest saga is the one that has been longest at its step, whenever it is tried next', async (t) => {
  const database = await openOrders(t, 'saga_rows')
  const [soon, later] = [await addSaga(database), await addSaga(database)]
  const stands = (id: string, minutes: number, dueMinutes: number) =>
    database.execute(
      `UPDATE orders.sagas SET updated_at = now() - $1 * interval '1 min', due_at = now() + $2 * interval '1 min'
        WHERE id = $3`,
      [minutes, dueMinutes, id],
    )
  await stands(soon.id, 1, 1)
  await stands(later.id, 8, 30)
  const found = (await oldestSagas(database)).map(({ orderId, ageSeconds }) => ({ orderId, ageSeconds }))
  assert.deepEqual(found, [
    { orderId: later.orderId, ageSeconds: 480 },
    { orderId: soon.orderId, ageSeconds: 60 },
  ])
})

test('the saga of an order with many vouchers is woken by the last of them', async (t) => {
  const database = await openOrders(t, 'saga_rows')
  const { orderId } = await addSaga(database)
  const codes = ['AAAA', 'BBBB', 'CCCC']
  await database.execute(
    `INSERT INTO orders.vouchers (code, order_id, number, isbn, title)
     SELECT code, $2, number, '9780000000002', 'A title' FROM unnest($1::text[]) WITH ORDINALITY AS v (code, number)`,
    [codes, orderId],
  )
  const woken: string[] = []
  for (const code of codes) {
    const object = { bucket: 'vouchers', key: voucherObjectKey(orderId, code), bytes: 1 }
    await noteStoredVouchers({ database, sagaDue: () => woken.push(code) })(object)
  }
  assert.deepEqual(woken, ['CCCC'])
})

test('an object that the bucket tells of counts when it is there', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'octavo-there-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  await using objects = await openObjectStore(`file://${root}/vouchers`, { secret: 'a secret of the test' })
  const told = (code: string) => ({
    ...{ bucket: 'vouchers', bytes: 1 },
    key: voucherObjectKey('01a22dac-3f0a-7799-9eef-c50f1d38848f', code),
  })
  await objects.put(told('HERE').key, Buffer.from('%PDF-'), 'application/pdf')
  const elsewhere = { ...told('EARLY'), bucket: 'another' }
  const created = [told('EARLY'), told('HERE'), elsewhere, { ...told('HERE'), key: '../secret' }]
  assert.deepEqual(await thoseThere({ objects }, created), [told('HERE')])
  const away = { ...objects, head: () => Promise.reject(new ObjectStoreUnavailable('away')) }
  assert.deepEqual(await thoseThere({ objects: away }, created), [])
})

test('a notification is in the trace of its order, also when the saga knew before', async (t) => {
  const database = await openOrders(t, 'saga_rows')
  const receiver = await startOtlpReceiver(t)
  const { orderId } = await addSaga(database)
  const object = { bucket: 'vouchers', key: voucherObjectKey(orderId, 'KNOWN'), bytes: 1 }
  await using _tracing = await openTracing({ url: receiver.url, ratio: 1, version: '1', instance: 'a' })
  await noteStoredVouchers({ database, sagaDue: () => undefined })(object)
  await until(() => receiver.spans.some(({ name }) => name === 'object.created arrives'))
  assert.equal(receiver.spans[0]?.traceId, orderId.replaceAll('-', ''))
})

test('of the sagas that keep failing at a step one tries soon, and when it succeeds all do', async (t) => {
  const database = await openOrders(t, 'saga_rows')
  let woken = 0
  const parts = { database, clock: systemClock, sagaDue: () => void woken++ }
  const sagas = await Promise.all([9, 5, 7, 3].map(() => addSaga(database)))
  const [poisoned, fresh, other, hardly] = sagas.map(({ id }) => id)
  const limited = await addSaga(database)
  const place = (definition: string, step: number, attempt: number, id: string | undefined) =>
    database.execute(
      `UPDATE orders.sagas SET definition = $1, step = $2, attempt = $3, due_at = now() + interval '30 s' WHERE id = $4`,
      [definition, step, attempt, id],
    )
  await place('paid-order', 5, 90, poisoned)
  await place('paid-order', 5, 5, fresh)
  await place('paid-order', 5, 7, other)
  await place('paid-order', 4, 3, hardly)
  await place('paid-order', 1, 4, limited.id)
  const due = async () =>
    (await database.query<{ id: string }>('SELECT id FROM orders.sagas WHERE due_at <= now()', []))
      .map(({ id }) => id)
      .sort()
  assert.equal(await probeFailing(parts), 1)
  assert.deepEqual(await due(), [fresh])
  const tried = { ...(sagas[1] as Saga), definition: 'paid-order', step: 5, attempt: 5 }
  const wake = wakeWhenBack(parts)
  await wake(tried, { event: null } as Progress)
  await wake({ ...tried, attempt: 0 }, { event: 'ran' } as Progress)
  assert.deepEqual(await due(), [fresh])
  await wake(tried, { event: 'ran' } as Progress)
  assert.deepEqual(await due(), [poisoned, fresh, other].sort(), 'those of other steps keep their pace')
  assert.equal(woken, 2)
})

/** A saga in its first step, as a worker has claimed it. */
async function addSaga(database: Database): Promise<Saga> {
  const [id, orderId] = [systemClock.uuid(), await addOrder(database)]
  await database.execute(
    `INSERT INTO orders.sagas (id, order_id, definition) VALUES ($1, $2, 'free-order')`,
    [id, orderId],
  )
  return {
    ...{ id, orderId, definition: 'free-order', state: 'running', step: 0, attempt: 0, data: {}, fence: 0 },
    dueAt: new Date(0),
  }
}

const twoSteps: Step[] = ['first', 'second'].map((name) => ({ name, run: async () => ({ kind: 'done' }) }))

async function write(database: Database, saga: Saga, attempt: Attempt): Promise<void> {
  const progress = next(saga, twoSteps, attempt, 0.5)
  const written = await writeProgress({ database } as Context, twoSteps[0] as Step, [{ saga, progress }])
  assert.equal(written.length, 1)
}

const noObjects = { head: async () => undefined }
const noPayments = { state: async () => undefined } as unknown as Context['payment']
