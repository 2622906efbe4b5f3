import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { childrenOf, commandLine } from '../../src/local/process-identity.ts'
import { readSuccession } from '../../src/local/replicas/succession-record.ts'
import { startClients } from './clients.ts'
import { doubtLimitMs } from './fault-run.ts'
import { type FaultyStore, startFaultyStore } from './faulty-store.ts'
import { checkHistory, inDoubt } from './history.ts'
import { addTitles } from './titles.ts'

/**
 * `node test/faults/failovers.ts --each 8 --replicas 4 --orders 10000`: the primary of each database is lost again and
 * again while clients order: killed, frozen, or cut off from its replicas first and killed then. Prints how long nobody
 * took writes, and exits with 1 when anything was lost, oversold or left in doubt.
 */
const { values } = parseArgs({
  options: {
    each: { type: 'string', default: '8' },
    replicas: { type: 'string', default: '4' },
    orders: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '24' },
  },
})
const ways = ['kill', 'freeze', 'cut off, then kill'] as const
const databases = ['book-db', 'order-db'] as const
const followLimitMs = 60_000
const atEnd: (() => unknown)[] = []
try {
  process.exitCode = await main()
} finally {
  for (const work of atEnd.reverse()) await work()
}

async function main(): Promise<number> {
  const replicas = Number(values.replicas)
  const startedMs = performance.now()
  const store = await startFaultyStore({ after: (work) => atEnd.push(work) }, { holdSeconds: 20, replicas })
  console.log(`ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  const isbns = await addTitles(store, [1_000_000, 1_000_000, 200])
  const clients = startClients({ url: store.url, count: Number(values.clients), isbns, pauseMs: 150 })
  const outages: number[] = []
  for (let round = 0; round < Number(values.each); round++)
    for (const database of databases) {
      const way = ways[(round + databases.indexOf(database)) % ways.length] ?? 'kill'
      const tookMs = await failover(store, database, way, replicas)
      outages.push(tookMs)
      console.log(`${database}  ${way.padEnd(20)} ${tookMs} ms, ${clients.acknowledged()} acknowledged`)
    }
  while (clients.acknowledged() < Number(values.orders)) await sleep(200)
  await clients.finish()
  await sleep(doubtLimitMs)
  const doubtful = await inDoubt(store.secrets, doubtLimitMs)
  const verdict = await checkHistory(clients.history, store.secrets)
  const sorted = outages.toSorted((a, b) => a - b)
  const at = (share: number) => `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]} ms`
  const rows: [string, unknown][] = [
    ['failovers', outages.length],
    ['without a primary, median', at(0.5)],
    ['without a primary, p95', at(0.95)],
    ['orders acknowledged', verdict.acknowledged],
    ['acknowledged orders lost', verdict.lost.length],
    ['in doubt after 10 s', doubtful],
    ['audit findings', verdict.findings.length],
    ['wrong answers', verdict.wrong.length],
  ]
  for (const [name, value] of rows) console.log(`${name.padEnd(30)}${String(value).padStart(10)}`)
  const problems = [...verdict.lost, ...verdict.findings, ...verdict.wrong]
  for (const problem of problems.slice(0, 50)) console.log(`  ${problem}`)
  return problems.length + doubtful === 0 ? 0 : 1
}

/** @returns how long the supervisor was without a primary, until the next one took writes */
async function failover(
  store: FaultyStore,
  database: string,
  way: (typeof ways)[number],
  replicas: number,
): Promise<number> {
  const path = join(store.data, database)
  const giveUpMs = performance.now() + followLimitMs
  // All of them follow before the next one strikes, so that each is a failover of a whole set.
  while (readSuccession(path)?.followers.length !== replicas && performance.now() < giveUpMs) await sleep(50)
  const before = readSuccession(path)
  const name = `${database}.${before?.primary}`
  if (way === 'cut off, then kill') {
    // What it writes now reaches nobody, and may not be acknowledged.
    const pid = pidOf(store.data, name)
    const senders = childrenOf(pid).filter((each) => /walsender/.test(commandLine(each)))
    for (const sender of senders) process.kill(sender, 'SIGSTOP')
    await sleep(300)
  }
  if (way === 'freeze') void store.freeze(name, 4_000)
  else store.kill(name)
  for (;;) {
    const now = readSuccession(path)
    if (now?.term !== before?.term && now?.last && now.last.at !== before?.last?.at) return now.last.tookMs
    if (performance.now() > giveUpMs + followLimitMs) throw new Error(`nobody took the place of ${name}`)
    await sleep(20)
  }
}

function pidOf(data: string, name: string): number {
  const record = JSON.parse(readFileSync(join(data, 'run', 'supervisor.json'), 'utf8')) as RunRecord
  return record.children.find((child) => child.name === name)?.process.pid ?? 0
}
