import { parseArgs } from 'node:util'
import { checkDigit13 } from '#kernel/isbn'
import { startStore } from '../test/support/whole-store.ts'
import { cpuMsBelow } from './cpu.ts'
import { guestOrders } from './guest-orders.ts'
import { median, ms, printTable, ratio, round } from './rounds.ts'
import { addTitle } from './titles.ts'

// A guest's order over HTTP, from the cart to the stored voucher, on a whole store as `npm start` runs it.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    orders: { type: 'string', default: '600' },
    callers: { type: 'string', default: '64' },
  },
})
/** Vendure 3.7.3's checkouts a second on two cores, measured once; it draws no voucher for them. */
const vendurePerSecond = 16
const [orders, callers, rounds] = [Number(values.orders), Number(values.callers), Number(values.rounds)]

await using stack = new AsyncDisposableStack()
const endings: (() => unknown)[] = []
stack.defer(async () => {
  for (const end of endings.reverse()) await end()
})
const store = await startStore({ after: (end: () => unknown) => endings.push(end) }, 'off')
/** A title that costs nothing, with more copies than there will be orders. */
const twelve = '978649000777'
const isbn = twelve + checkDigit13(twelve)
await addTitle(store, { isbn, copies: 1_000_000, price: { amount: 0, currency: 'EUR' } })
await guestOrders(store.url, isbn, Math.ceil(orders / 4), callers)

const perSecond: number[] = []
const perOrder = new Map<string, number[]>()
for (let i = 0; i < rounds; i++) {
  const before = cpuMsBelow(process.pid)
  const figures = await guestOrders(store.url, isbn, orders, callers)
  perSecond.push(figures.perSecond)
  console.log(
    `${round(figures.perSecond)} orders/s, p50 ${ms(figures.p50Ms)}, p99 ${ms(figures.p99Ms)} to the PDF`,
  )
  for (const [name, total] of cpuMsBelow(process.pid)) {
    const used = (total - (before.get(name) ?? 0)) / orders
    perOrder.set(name, [...(perOrder.get(name) ?? []), used])
  }
}

console.log(`\nWhole orders with their PDF, ${callers} guests at a time, medians of ${rounds} rounds`)
printTable(
  ['', 'orders/s', '÷ Vendure'],
  [['octavo', round(median(perSecond)), ratio(median(perSecond) / vendurePerSecond)]],
)
const shares = [...perOrder].map(([name, figures]) => [name, median(figures)] as const)
const total = shares.reduce((sum, [, used]) => sum + used, 0)
console.log('\nWhat bounds it: processor time for one order')
printTable(
  ['', 'per order', 'share'],
  [...shares.sort((a, b) => b[1] - a[1]), ['all', total] as const].map(([name, used]) => [
    name,
    ms(used),
    `${round((100 * used) / total)} %`,
  ]),
)
