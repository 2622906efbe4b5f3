import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '#ports/clock'
import {
  type ObjectStore,
  ObjectStoreFull,
  ObjectStoreRefused,
  ObjectStoreUnavailable,
} from '#ports/object-store'
import { until } from '../../../test/support/until.ts'
import { type VoucherData, voucherObjectKey } from './contract.ts'
import { type DrawingPool, openDrawingPool } from './drawing-pool.ts'
import { createQueueMetrics } from './queue-metrics.ts'
import { type RenderQueue, startRenderQueue } from './render-queue.ts'
import { handleVouchers } from './request-vouchers.ts'
import { type StoreWatch, watchStore } from './store-watch.ts'

test('vouchers are drawn first in, first out, on several threads, and how long they waited is a metric', async () => {
  const begun: string[] = []
  const { queue, metrics, puts } = open({
    threads: 2,
    draw: async ({ code }) => {
      begun.push(code)
      await systemClock.sleep(2)
      return new Uint8Array(1)
    },
  })
  const all = Array.from({ length: 40 }, (_, i) => voucher(`CODE-${i}`))
  for (const some of [all.slice(0, 30), all.slice(30)]) assert.equal(queue.add(some, queue.stored), 'taken')
  assert.match(metrics.meter.text(), /octavo_vouchers_waiting 40/)
  assert.ok(queue.dueInMs() > 0)
  await until(() => queue.size === 0)
  assert.deepEqual(
    begun,
    all.map(({ code }) => code),
  )
  assert.equal(puts.length, 40)
  assert.match(metrics.meter.text(), /octavo_voucher_wait_seconds_count 40/)
  await queue[Symbol.asyncDispose]()
})

test('a voucher that is stored while somebody looks for it is not drawn again', async () => {
  const { puts, ...parts } = open({})
  const { queue } = parts
  const [one, other] = [voucher('ONE'), voucher('OTHER')]
  let goOn: () => void = () => undefined
  const slow = new Promise<void>((resolve) => {
    goOn = resolve
  })
  // It looks for both and finds neither; before it has heard of the second, the first is stored.
  const late = handleVouchers([one, other], {
    ...parts,
    store: {
      head: async (key) => {
        if (key.includes('OTHER')) await slow
        return undefined
      },
    },
  })
  await handleVouchers([one], parts)
  await until(() => queue.size === 0)
  goOn()
  await late
  await until(() => queue.size === 0)
  assert.deepEqual(puts.sort(), [keyOf(one), keyOf(other)].sort())
  await queue[Symbol.asyncDispose]()
})

test('after the object store was away, those who wait are not told to wait as long again', async () => {
  let awayMs = 0
  const gate = Promise.withResolvers<void>()
  const { queue } = open({
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + awayMs },
    draw: async ({ code }) => {
      if (code === 'LATE') awayMs += 60_000
      else await gate.promise
      return new Uint8Array(1)
    },
  })
  queue.add([voucher('LATE')], queue.stored)
  await until(() => queue.size === 0)
  const others = Array.from({ length: 50 }, (_, i) => voucher(`CODE-${i}`))
  queue.add(others, queue.stored)
  assert.ok(queue.dueInMs() < 5_000, `in ${queue.dueInMs()} ms`)
  gate.resolve()
  await queue[Symbol.asyncDispose]()
})

for (const [fault, error] of [
  ['away', new ObjectStoreUnavailable('away')],
  ['full', new ObjectStoreFull('full')],
  ['refused', new ObjectStoreRefused('refused')],
] as const)
  test(`a store that is ${fault} is told of, nobody is sent away, and what waits is stored as soon as it is back`, async () => {
    const drawn: string[] = []
    const { puts, trouble, metrics, ...parts } = open({
      draw: async ({ code }) => {
        drawn.push(code)
        return new Uint8Array(1)
      },
    })
    const { queue, watch } = parts
    const [before, ...others] = Array.from({ length: 20 }, (_, i) => voucher(`CODE-${i}`))
    assert.ok(before)
    await handleVouchers([before], parts)
    await until(() => queue.size === 0)
    trouble.error = error
    const first = await handleVouchers([before, ...others], parts)
    assert.deepEqual(first.stored, [])
    await until(() => watch.fault() === fault)
    const line = `octavo_object_store_fault{fault="${fault}"}`
    assert.ok(metrics.meter.text().includes(`${line} 1`))
    const asked = trouble.looks
    await handleVouchers([voucher('LATER')], parts)
    assert.equal(trouble.looks, asked, 'a store that is known to be away is asked by those who draw alone')
    await until(() => drawn.includes('CODE-19') && drawn.includes('LATER'), 'what waits is drawn meanwhile')
    trouble.error = undefined
    await until(() => queue.size === 0)
    assert.ok(metrics.meter.text().includes(`${line} 0`))
    assert.equal(puts.length, 21)
    assert.equal(puts.filter((key) => key === keyOf(before)).length, 1, 'what was stored is not put again')
    assert.match(metrics.meter.text(), /octavo_vouchers_dropped_total 0/)
    const again = await handleVouchers([before], parts)
    assert.deepEqual(again.stored, [before.code])
    await queue[Symbol.asyncDispose]()
  })

test('a store that says nothing keeps nobody waiting', async () => {
  const { puts, trouble, ...parts } = open({})
  const frozen = Promise.withResolvers<void>()
  trouble.until = frozen.promise
  assert.deepEqual((await handleVouchers([voucher('ONE')], parts)).stored, [])
  assert.equal(parts.queue.size, 1)
  frozen.resolve()
  await until(() => parts.queue.size === 0)
  assert.equal(puts.length, 1)
  await parts.queue[Symbol.asyncDispose]()
})

test('what cannot be drawn is said, and the next voucher is drawn', async () => {
  await using pool = openDrawingPool('https://books.example.org', 1)
  const deadly = { ...voucher('DEADLY'), contributors: null } as unknown as VoucherData
  await assert.rejects(pool.draw(deadly, undefined), /DEADLY cannot be drawn/)
  const pdf = await pool.draw(voucher('GOOD'), undefined)
  assert.equal(Buffer.from(pdf.subarray(0, 5)).toString(), '%PDF-')
  const uncloneable = { ...voucher('NONE'), title: (() => 'no text') as unknown as string }
  await assert.rejects(pool.draw(uncloneable, undefined))
  assert.ok(await pool.draw(voucher('AGAIN'), undefined))
})

test('closing the pool tells those that wait', async () => {
  const pool = openDrawingPool('https://books.example.org', 1)
  const drawings = Promise.allSettled([
    pool.draw(voucher('A'), undefined),
    pool.draw(voucher('B'), undefined),
  ])
  await pool[Symbol.asyncDispose]()
  for (const { status } of await drawings) assert.equal(status, 'rejected')
})

type Opened = {
  queue: RenderQueue
  store: ObjectStore
  watch: StoreWatch
  clock: Clock
  puts: string[]
  metrics: ReturnType<typeof createQueueMetrics>
  /** What the store fails with, or waits for. */
  trouble: { error?: Error | undefined; until?: Promise<void>; looks: number }
}

function open({
  threads = 1,
  draw = async () => new Uint8Array(1),
  clock = systemClock,
}: {
  threads?: number
  clock?: Clock
  draw?: (voucher: VoucherData) => Promise<Uint8Array>
}): Opened {
  const puts: string[] = []
  const trouble: Opened['trouble'] = { looks: 0 }
  const meet = async () => {
    if (trouble.error !== undefined) throw trouble.error
    await trouble.until
  }
  const store = {
    async put(key: string) {
      await meet()
      puts.push(key)
    },
    async head(key: string) {
      trouble.looks += Number(!queue.has(key))
      await meet()
      return puts.includes(key) ? { bytes: 1, contentType: 'application/pdf' } : undefined
    },
  } as unknown as ObjectStore
  const pool: DrawingPool = { threads, draw, [Symbol.asyncDispose]: async () => undefined }
  const metrics = createQueueMetrics()
  const covers = { find: async () => undefined }
  const watch = watchStore(clock)
  const queue = startRenderQueue({ pool, covers, store, watch, clock, queueMax: 100, metrics })
  metrics.observe(() => queue.size, watch.fault)
  return { queue, store, watch, clock, puts, metrics, trouble }
}

const keyOf = ({ orderId, code }: VoucherData) => voucherObjectKey(orderId, code)

function voucher(code: string): VoucherData {
  return {
    ...{ code, signature: 'A'.repeat(86), isbn: '9780141439518', title: 'Pride and Prejudice' },
    ...{ contributors: ['Jane Austen'], customerName: 'Ada Byron', orderId: systemClock.uuid() },
    ...{ orderedAt: '2026-11-20T12:00:00Z', number: 1, count: 1 },
  }
}
