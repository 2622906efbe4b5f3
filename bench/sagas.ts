import { generateKeyPairSync } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readConfig } from '#config'
import type { Route } from '#kernel/contract'
import { systemClock as clock } from '#ports/clock'
import { type Database, openDatabase } from '#ports/database'
import type { ServiceClient } from '#ports/http'
import { openPayment } from '#ports/payment'
import { settleOrders } from '#services/coordinator'
import type { Settlement } from '#services/orders'
import { requestVouchers, type VoucherData } from '#services/vouchers'
import type { GroupEngine } from '../src/services/coordinator/engine.ts'
import type { Context } from '../src/services/orders/context.ts'
import { gather } from '../src/services/orders/gathered.ts'
import { createSagaWorker } from '../src/services/orders/saga/worker.ts'
import { draft, openEngine } from './contestants.ts'
import { median, printTable, ratio, round } from './rounds.ts'
import { type BenchStore, openBenchStore } from './store.ts'

// The engine of sagas alone: orders of a free title, each with its whole saga (voucher issued, drawing answered
// at once, copies confirmed through the groups), worked many at a time and, as the rival, one at a time.
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, orders: { type: 'string', default: '2000' } },
})
const count = Number(values.orders)
await using store = await openBenchStore(1)
await store.books.execute('UPDATE catalog.books SET price_amount = 0')

const results = new Map<string, number[]>()
for (let i = 0; i < Number(values.rounds); i++) {
  for (const [name, claimMax, of] of [
    ['octavo: sagas 128 at a time', 128, count],
    ['one saga at a time', 1, Math.ceil(count / 8)],
  ] as const) {
    await store.reset()
    const perSecond = await measureWhole(store, of, claimMax)
    results.set(name, [...(results.get(name) ?? []), perSecond])
  }
}
const own = median([...results.values()][0] ?? [])
console.log(`\nWhole orders, reserved to confirmed, medians of ${values.rounds} rounds`)
printTable(
  ['', 'orders/s', 'octavo ÷ this'],
  [...results].map(([name, figures]) => [name, round(median(figures)), ratio(own / median(figures))]),
)

async function measureWhole({ bookDbUrl, orderDbUrl, isbns }: BenchStore, orders: number, claimMax: number) {
  await using engine = await openEngine({ bookDbUrl, orderDbUrl })
  await using database = await openDatabase(orderDbUrl, {
    applicationName: 'bench-sagas',
    connectionsMax: 10,
  })
  await using payment = await openPayment(`test+${orderDbUrl}`)
  const context = contextOf(database, engine.group, payment)
  await using worker = createSagaWorker(context, claimMax)
  const start = performance.now()
  const placed = Promise.all(
    Array.from({ length: orders }, () =>
      engine.group.submit({ kind: 'place', draft: draft(isbns[0] ?? '') }),
    ),
  )
  let isPlaced = false
  placed.then(() => {
    isPlaced = true
  })
  for (;;) {
    const claimed = await worker.work()
    // The rival takes the next saga only when it is through with the last.
    if (claimMax === 1 || claimed === 0) await worker.idle()
    if (claimed === 0 && isPlaced) break
  }
  const elapsed = (performance.now() - start) / 1000
  const [row] = await database.query<{ confirmed: number }>(
    `SELECT count(*)::int AS confirmed FROM orders.orders WHERE status = 'confirmed'`,
    [],
  )
  if (row?.confirmed !== orders) throw new Error(`${row?.confirmed} of ${orders} orders were confirmed`)
  return orders / elapsed
}

/** The neighbours of orders, in this process: groups for the copies, and a voucher generator that has drawn already. */
function contextOf(database: Database, group: GroupEngine, payment: Context['payment']): Context {
  const { privateKey } = generateKeyPairSync('ed25519')
  const call = async (_service: string, route: Route, { body }: { body?: unknown }) => {
    if (route === settleOrders) {
      const { settlements } = body as { settlements: Settlement[] }
      const outcomes = settlements.map(async (settlement) => {
        const { kind } = await group.submit({ kind: 'settle', settlement })
        return { orderId: settlement.orderId, kind }
      })
      return { outcomes: await Promise.all(outcomes) }
    }
    if (route === requestVouchers)
      return { stored: (body as { vouchers: VoucherData[] }).vouchers.map(({ code }) => code), dueInMs: 0 }
    return { contributors: [] }
  }
  const client = { call } as unknown as ServiceClient
  return {
    config: readConfig({}),
    ...{
      clock,
      database,
      client,
      gathered: gather({ clock, database, client, broker: { publish: async () => {} } }),
    },
    objects: { presign: () => '' } as unknown as Context['objects'],
    reads: {} as Context['reads'],
    payment,
    voucherKey: privateKey,
    newsDue: () => undefined,
    sagaDue: () => undefined,
    queues: {} as Context['queues'],
  }
}
