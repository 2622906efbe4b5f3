import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { cpuMs } from './cpu.ts'
import { behindGateway, load, type Running, startRoles } from './processes.ts'
import { median, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// What it costs that a store can be seen: with metrics and one order in twenty traced, and without either. Both take
// turns over the same two database servers; whoever takes the spans is in this process.
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
const unseen = stack.use(
  await startStore({
    OCTAVO_WITHOUT: 'metrics',
    NODE_OPTIONS: `--import ${new URL('without.ts', import.meta.url).href}`,
  }),
)
for (const { url } of [seen, unseen]) await load(url, connections, warmUpSeconds, store.isbns)

type Turn = { perSecond: number; cpuPerOrder: number }
const rounds: [Turn, Turn][] = []
for (let i = 0; i < Number(values.rounds); i++) {
  // Who goes first changes, because the second finds larger tables.
  const turns = new Map<Running, Turn>()
  for (const each of i % 2 === 0 ? [seen, unseen] : [unseen, seen]) turns.set(each, await turn(each))
  rounds.push([turns.get(seen) as Turn, turns.get(unseen) as Turn])
  process.stderr.write('.')
}
const of = (pick: (pair: [Turn, Turn]) => number) => median(rounds.map(pick))
console.log(`\nSeen and unseen, ${connections} connections, medians of ${values.rounds} rounds`)
printTable(
  ['', 'orders/s', 'CPU/order'],
  [
    ['seen', round(of(([a]) => a.perSecond)), `${round(of(([a]) => a.cpuPerOrder))} µs`],
    ['unseen', round(of(([, b]) => b.perSecond)), `${round(of(([, b]) => b.cpuPerOrder))} µs`],
    [
      'seen ÷ unseen',
      ratio(of(([a, b]) => a.perSecond / b.perSecond)),
      ratio(of(([a, b]) => a.cpuPerOrder / b.cpuPerOrder)),
    ],
  ],
)
console.log(`${spans.bytes()} bytes of spans were taken`)

async function turn({ url, pids }: Running): Promise<Turn> {
  await store.reset()
  const all = [...pids, ...store.serverPids]
  const before = cpuMs(all)
  const { perSecond, orders } = await load(url, connections, Number(values.seconds), store.isbns)
  return { perSecond, cpuPerOrder: ((cpuMs(all) - before) * 1000) / orders }
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
