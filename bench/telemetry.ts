import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { cpuMs } from './cpu.ts'
import { behindGateway, load, type Running, startRoles } from './processes.ts'
import { median, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// What it costs that a store can be seen: with metrics and one order in twenty traced, and without either. They take
// turns over the same two database servers; whoever takes the spans is in this process. A third is the second once more:
// what those two differ by is what this machine cannot tell apart.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '256' },
  },
})
const connections = Number(values.connections)
const warmUpSeconds = 8
await using store = await openBenchStore(1)
await using spans = await takeSpans()
await using stack = new AsyncDisposableStack()
const seen = stack.use(await startStore({ OCTAVO_OTLP: spans.url, OCTAVO_TRACE_PERCENT: '5' }))
const withoutMetrics = {
  OCTAVO_WITHOUT: 'metrics',
  NODE_OPTIONS: `--import ${new URL('without.ts', import.meta.url).href}`,
}
const unseen = stack.use(await startStore(withoutMetrics))
const control = stack.use(await startStore(withoutMetrics))
const stores = [seen, unseen, control]
/** Of all of them: what is done behind the sale, such as finding orders for staff, one store does for every other. */
const pids = [...stores.flatMap((each) => each.pids), ...store.serverPids]
for (const { url } of stores) await load(url, connections, warmUpSeconds, store.isbns)

type Turn = { perSecond: number; cpuPerOrder: number }
type Round = { seen: Turn; unseen: Turn; control: Turn }
const rounds: Round[] = []
for (let i = 0; i < Number(values.rounds); i++) {
  // Who goes first changes, because the next finds larger tables.
  const turns = new Map<Running, Turn>()
  for (const [j] of stores.entries()) {
    const each = stores[(i + j) % stores.length] as Running
    turns.set(each, await turn(each))
  }
  const [a, b, c] = stores.map((each) => turns.get(each) as Turn) as [Turn, Turn, Turn]
  rounds.push({ seen: a, unseen: b, control: c })
  process.stderr.write('.')
}
const of = (pick: (round: Round) => number) => median(rounds.map(pick))
const row = (name: keyof Round) => [
  name,
  round(of((each) => each[name].perSecond)),
  `${round(of((each) => each[name].cpuPerOrder))} µs`,
]
const quotient = (name: 'seen' | 'control') => [
  `${name} ÷ unseen`,
  ratio(of((each) => each[name].perSecond / each.unseen.perSecond)),
  ratio(of((each) => each[name].cpuPerOrder / each.unseen.cpuPerOrder)),
]
console.log(`\nSeen and unseen, ${connections} connections, medians of ${values.rounds} rounds`)
printTable(
  ['', 'orders/s', 'CPU/order'],
  [row('seen'), row('unseen'), row('control'), quotient('seen'), quotient('control')],
)
console.log(`${spans.bytes()} bytes of spans were taken`)

async function turn({ url }: Running): Promise<Turn> {
  await store.reset()
  const before = cpuMs(pids)
  const { perSecond, orders } = await load(url, connections, Number(values.seconds), store.isbns)
  return { perSecond, cpuPerOrder: ((cpuMs(pids) - before) * 1000) / orders }
}

async function startStore(settings: Record<string, string>): Promise<Running> {
  const roles = await startRoles(store, ['catalog', 'orders', 'coordinator'], settings)
  return await behindGateway(roles, settings)
}

async function takeSpans(): Promise<AsyncDisposable & { url: string; bytes(): number }> {
  let bytes = 0
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
