import { parseArgs } from 'node:util'
import { load, type Running, startGateway, startRival, startRoles } from './processes.ts'
import { type Figures, medians, ms, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// Reservations over HTTP: at the coordinator, and through the gateway; each against an empty handler and the table
// lock behind the same framework and the same gateway, in interleaved rounds.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '256' },
    titles: { type: 'string', default: '1' },
  },
})
const connections = Number(values.connections)
/** A path as long as an order's takes tens of thousands of requests until all of it is compiled. */
const warmUpSeconds = 10
await using store = await openBenchStore(Number(values.titles))
await using octavo = await startRoles(store, ['catalog', 'orders', 'coordinator'])
await using empty = await startRival('empty', store)
await using lock = await startRival('lock', store)
await using octavoGate = await startGateway(octavo.env, octavo.url)
await using emptyGate = await startGateway(octavo.env, empty.url)
await using lockGate = await startGateway(octavo.env, lock.url)

await compare('at the service', [
  ['octavo: group commit', octavo],
  ['an empty Fastify handler', empty],
  ['table lock', lock],
])
await compare('through the gateway', [
  ['octavo: group commit', octavoGate],
  ['an empty Fastify handler', emptyGate],
  ['table lock', lockGate],
])

async function compare(where: string, contestants: readonly (readonly [string, Running])[]): Promise<void> {
  const rounds = contestants.map((): Figures[] => [])
  for (const [, { url }] of contestants) await load(url, connections, warmUpSeconds, store.isbns)
  for (let i = 0; i < Number(values.rounds); i++)
    for (const [k, [, { url }]] of contestants.entries()) {
      await store.reset()
      await load(url, connections, 0.5, store.isbns)
      rounds[k]?.push(await load(url, connections, Number(values.seconds), store.isbns))
    }
  const figures = rounds.map(medians)
  const own = figures[0]?.perSecond ?? 0
  console.log(`\nOver HTTP ${where}, ${connections} connections, medians of ${values.rounds} rounds`)
  printTable(
    ['', 'orders/s', 'p50', 'p99', 'p99.9', 'octavo ÷ this'],
    figures.map(({ perSecond, p50Ms, p99Ms, p999Ms }, k) => {
      return [
        contestants[k]?.[0] ?? '',
        round(perSecond),
        ms(p50Ms),
        ms(p99Ms),
        ms(p999Ms),
        ratio(own / perSecond),
      ]
    }),
  )
}
