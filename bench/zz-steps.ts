import { systemClock as clock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { createStockParticipant } from '/work/main/src/services/catalog/stock/participant.ts'
import { createGroupEngine } from '/work/main/src/services/coordinator/engine.ts'
import { commitGroup } from '/work/main/src/services/orders/commit-group.ts'
import { createDecisionLog } from '/work/main/src/services/orders/decisions.ts'
import { draft } from '/work/main/bench/contestants.ts'
import { measure } from '/work/main/bench/rounds.ts'
import { openBenchStore } from '/work/main/bench/store.ts'
import { packGroup } from "#services/orders"
import { setImmediate } from 'node:timers/promises'
const callers = Number(process.argv[2] ?? 1)
const store = await openBenchStore(1)
const options = { applicationName: 'bench-engine', connectionsMax: 4, planOnce: true }
const [books, orders] = [await openDatabase(store.bookDbUrl, options), await openDatabase(store.orderDbUrl, options)]
const log = createDecisionLog(orders)
const sums: Record<string, number> = {}; let groups = 0, size = 0
const timed = (name: string, f: any) => async (...a: any[]) => { const t = performance.now(); try { return await f(...a) } finally { sums[name] = (sums[name] ?? 0) + performance.now() - t } }
const stock = createStockParticipant(books, clock)
const group = createGroupEngine({
  stock: { ...stock, prepare: timed('prepare', (id: string, r: any[]) => { groups++; size += r.length; return stock.prepare(id, r) }), commit: timed('commit', stock.commit) },
  orders: { commitGroup: timed('orders', (id: string, request: any) => commitGroup(orders, id, packGroup(request))), lookUp: async () => ({ known: [], bought: [] }), resolve: log.resolve },
  clock, holdMs: 900_000, turn: setImmediate,
})
const call = async () => { await group.submit({ kind: 'place', draft: draft(store.isbns[0]!) }) }
await measure(call, callers, 1)
for (const k in sums) sums[k] = 0; groups = 0; size = 0
const f = await measure(call, callers, 3)
console.log(callers, 'callers', Math.round(f.perSecond), 'p50', f.p50Ms.toFixed(2), 'p99', f.p99Ms.toFixed(1), 'groups/s', groups / 3, 'mean size', size / groups, 'ms per group', 3000 / groups, Object.fromEntries(Object.entries(sums).map(([k, v]) => [k, (v / groups).toFixed(2)])))
await store[Symbol.asyncDispose](); process.exit(0)
