import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { attemptsMax, openBroker } from '#ports/broker'
import { systemClock as clock } from '#ports/clock'
import { openObjectStore } from '#ports/object-store'
import { until } from '../../../test/support/until.ts'
import { vouchersWantedTopic as topic, type VoucherData, voucherObjectKey } from './contract.ts'
import { DrawingFailed } from './draw-voucher.ts'
import type { DrawingPool } from './drawing-pool.ts'
import { watchStore } from './store-watch.ts'
import { takeWanted } from './take-wanted.ts'

const voucher = (code: string): VoucherData => {
  return {
    ...{ code, signature: 's', isbn: '9780140328721', title: 't', contributors: [], customerName: 'n' },
    ...{ orderId: randomUUID(), orderedAt: '2026-01-01T00:00:00.000Z', number: 1, count: 1 },
  }
}

/** A pool that cannot draw one code until it is mended. */
function poolWith(broken: Set<string>, drawn: string[]): DrawingPool {
  return {
    threads: 1,
    async draw({ code }) {
      if (broken.has(code)) throw new DrawingFailed(`voucher ${code} cannot be drawn: no such glyph`)
      drawn.push(code)
      return Buffer.from(code)
    },
    async [Symbol.asyncDispose]() {},
  }
}

async function workshop(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-wanted-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const url = `memory:${randomUUID()}`
  const open = () => openBroker(url, { applicationName: 'test', retryBaseMs: 2 })
  const store = await openObjectStore(pathToFileURL(folder).href, { secret: 's' })
  return { open, store }
}

test('workers share the queue; a voucher that cannot be drawn ends in the dead letters, holds nobody up and is retried', async (t) => {
  const { open, store } = await workshop(t)
  const [broken, drawn] = [new Set(['poison']), [] as string[]]
  const stop = new AbortController().signal
  const covers = { find: async () => undefined }
  await using one = await open()
  await using other = await open()
  for (const broker of [one, other]) {
    const handler = takeWanted({
      pool: poolWith(broken, drawn),
      covers,
      store,
      watch: watchStore(clock),
      stop,
    })
    await broker.subscribe('vouchers-draw', [topic], handler)
  }
  const codes = ['poison', ...Array.from({ length: 40 }, (_, i) => `good-${i}`)]
  await one.publish(codes.map((code) => ({ topic, payload: { vouchers: [voucher(code)] } })))
  await until(() => drawn.length === 40)
  await until(async () => (await one.deadLetters('vouchers-draw')).length === 1)
  const [letter] = await one.deadLetters('vouchers-draw')
  assert.match(letter?.error ?? '', /voucher poison cannot be drawn: no such glyph/)
  assert.equal(letter?.attempt, attemptsMax)
  broken.clear()
  assert.equal(await other.clearDeadLetters('vouchers-draw', [letter?.id ?? ''], 'retry'), 1)
  await until(() => drawn.includes('poison'))
  assert.equal(new Set(drawn).size, 41)
  assert.equal(drawn.length, 41)
})

test('what is stored is not drawn again, and what a newer program wants is kept with the reason', async (t) => {
  const { open, store } = await workshop(t)
  const drawn: string[] = []
  await using broker = await open()
  const parts = { pool: poolWith(new Set(), drawn), covers: { find: async () => undefined } }
  const handler = takeWanted({
    ...parts,
    store,
    watch: watchStore(clock),
    stop: new AbortController().signal,
  })
  await broker.subscribe('vouchers-draw', [topic], handler)
  const payload = { vouchers: [voucher('a')] }
  const future = { vouchers: [{ ...voucher('b'), number: { of: 'a later version' } }] }
  await broker.publish([{ topic, payload }])
  const [wanted] = payload.vouchers
  await until(
    async () =>
      wanted !== undefined && (await store.head(voucherObjectKey(wanted.orderId, wanted.code))) !== undefined,
  )
  for (const each of [payload, future, { vouchers: [voucher('x\u0000')] }])
    await broker.publish([{ topic, payload: each }])
  await until(async () => (await broker.deadLetters('vouchers-draw')).length === 2)
  const errors = (await broker.deadLetters('vouchers-draw')).map(({ error }) => error).join()
  assert.match(errors, /this version cannot read/)
  assert.match(errors, /control character/)
  assert.deepEqual(drawn, ['a'])
})
