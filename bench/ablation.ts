import { parseArgs } from 'node:util'
import { cpuMs } from './cpu.ts'
import { behindGateway, load, type Running, startRoles } from './processes.ts'
import { median, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'
import { type Trick, tricks } from './tricks.ts'

// Each trick that makes orders cheaper taken out by itself: the store with it and without it take turns, over the same
// two database servers. CPU time is that of those and of all processes of both stores: what is done behind the sale, such
// as finding orders for staff, one store does for both. Two processes of one program may differ by more than a trick
// brings, so both stores are started several times. Where nothing is taken out is what this machine cannot tell apart.
const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '256' },
    only: { type: 'string', default: '' },
  },
})
const connections = Number(values.connections)
/** A path as long as an order's takes tens of thousands of requests until all of it is compiled. */
const warmUpSeconds = 8
const chosen = Object.entries(tricks).filter(
  ([name]) => values.only === '' || values.only.split(',').includes(name),
)
await using store = await openBenchStore(1)
const databases = store.serverPids
const rows: string[][] = []
for (const at of ['gateway', 'service'] as const)
  rows.push([`nothing (${at})`, ...(await compare({ at }, [])), 'the same store twice'])
for (const [name, trick] of chosen) rows.push([name, ...(await compare(trick, [name])), trick.what])
console.log(
  `\nTricks taken out, ${connections} connections, medians of ${values.rounds} rounds of ${values.starts} starts`,
)
printTable(['', 'orders/s', 'CPU/order', 'orders/s with ÷ without', 'CPU without ÷ with', ''], rows)

type Turn = { perSecond: number; cpuPerOrder: number }

async function compare(
  { at, alsoOut = [] }: Pick<Trick, 'at' | 'alsoOut'>,
  out: readonly string[],
): Promise<string[]> {
  const rounds: [Turn, Turn][] = []
  for (let i = 0; i < Number(values.starts); i++) rounds.push(...(await takeTurns({ at, alsoOut }, out)))
  const of = (pick: (pair: [Turn, Turn]) => number) => median(rounds.map(pick))
  return [
    round(of(([a]) => a.perSecond)),
    `${of(([a]) => a.cpuPerOrder).toFixed(0)} µs`,
    ratio(of(([a, b]) => a.perSecond / b.perSecond)),
    ratio(of(([a, b]) => b.cpuPerOrder / a.cpuPerOrder)),
  ]
}

/** Both stores started anew, and the rounds in which they take turns. */
async function takeTurns(
  { at, alsoOut }: Required<Pick<Trick, 'at' | 'alsoOut'>>,
  out: readonly string[],
): Promise<[Turn, Turn][]> {
  await using stack = new AsyncDisposableStack()
  const [whole, without] = [
    stack.use(await startStore(at, alsoOut)),
    stack.use(await startStore(at, [...alsoOut, ...out])),
  ]
  for (const { url } of [whole, without]) await load(url, connections, warmUpSeconds, store.isbns)
  const pids = [...whole.pids, ...without.pids, ...databases]
  const rounds: [Turn, Turn][] = []
  for (let i = 0; i < Number(values.rounds); i++) {
    // Who goes first changes, because the second finds larger tables.
    const order = i % 2 === 0 ? [whole, without] : [without, whole]
    const turns = new Map<Running, Turn>()
    for (const each of order) turns.set(each, await turn(each.url, pids))
    rounds.push([turns.get(whole) as Turn, turns.get(without) as Turn])
    process.stderr.write('.')
  }
  return rounds
}

async function turn(url: string, pids: readonly number[]): Promise<Turn> {
  await store.reset()
  const before = cpuMs(pids)
  const { perSecond, orders } = await load(url, connections, Number(values.seconds), store.isbns)
  return { perSecond, cpuPerOrder: ((cpuMs(pids) - before) * 1000) / orders }
}

/** The store without these tricks, and the door that orders come in by. */
async function startStore(at: Trick['at'], out: readonly string[]): Promise<Running> {
  const settings = {
    OCTAVO_WITHOUT: out.join(),
    NODE_OPTIONS: `--import ${new URL('without.ts', import.meta.url).href}`,
  }
  const roles = await startRoles(store, ['catalog', 'orders', 'coordinator'], settings)
  if (at === 'service') return roles
  return await behindGateway(roles, settings)
}
