import { parseArgs } from 'node:util'
import { databases, type FailoverRun, loseWithoutQuorum, runFailovers, ways } from './failover-run.ts'
import { startFaultyStore } from './faulty-store.ts'
import { addTitles } from './titles.ts'

/**
 * `node test/faults/failovers.ts --each 10 --replicas 4 --orders 10000`: the primary of each database is lost again and
 * again while clients order: killed, frozen, cut off from its replicas and killed then, left alive behind a partition, or
 * asked to hand over. Prints how long nobody took writes, and exits with 1 when anything was lost, oversold or left in
 * doubt. With `--control` the same happens at the end with commits that wait for no replica, which has to lose orders.
 */
const { values } = parseArgs({
  options: {
    each: { type: 'string', default: '10' },
    replicas: { type: 'string', default: '4' },
    orders: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '24' },
    pause: { type: 'string', default: '150' },
    control: { type: 'boolean', default: false },
  },
})
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
  const rounds = Array.from({ length: Number(values.each) }, (_, round) => round)
  const strikes = rounds.flatMap((round) =>
    databases.map((database, index) => ({ database, way: ways[(round + index) % ways.length] ?? 'kill' })),
  )
  const options = {
    ...{ replicas, isbns, strikes, acknowledgedMin: Number(values.orders) },
    ...{ clients: Number(values.clients), clientPauseMs: Number(values.pause) },
    onStrike: (strike: FailoverRun['strikes'][number], acknowledged: number) =>
      console.log(
        `${strike.database.padEnd(9)} ${strike.way.padEnd(20)} ${String(strike.withoutPrimaryMs).padStart(5)} ms without a primary, ` +
          `${String(strike.withoutWriteMs).padStart(5)} ms without a write, ${acknowledged} acknowledged`,
      ),
  }
  const problems = report(await runFailovers(store, options))
  if (!values.control) return problems
  console.log('\nthe control: commits wait for no replica')
  const cut = databases.map((database) => ({ database, way: 'cut off, then kill' as const }))
  const noticed = report(await loseWithoutQuorum(store, { ...options, strikes: cut, acknowledgedMin: 0 }))
  return problems === 0 && noticed === 1 ? 0 : 1
}

/** @returns 1 when anything is wrong */
function report(run: FailoverRun): 0 | 1 {
  const rows: [string, unknown][] = [
    ['failovers', run.strikes.length],
    ...quantiles(
      'without a primary',
      run.strikes.map(({ withoutPrimaryMs }) => withoutPrimaryMs),
    ),
    ...quantiles(
      'without a write',
      run.strikes.map(({ withoutWriteMs }) => withoutWriteMs),
    ),
    ['longest time without an order', `${Math.round(run.longestGapMs)} ms`],
    ['orders acknowledged', run.acknowledged],
    ['acknowledged and lost, or twice', run.lost.length],
    ['in doubt after 10 s', run.inDoubt],
    ['audit findings', run.findings.length],
    ['wrong answers', run.wrong.length],
  ]
  for (const [name, value] of rows) console.log(`${name.padEnd(34)}${String(value).padStart(10)}`)
  const problems = [...run.lost, ...run.findings, ...run.wrong]
  for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`)
  return problems.length + run.inDoubt === 0 ? 0 : 1
}

function quantiles(name: string, values: readonly number[]): [string, string][] {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]} ms`
  return [
    [`${name}, median`, at(0.5)],
    [`${name}, p95`, at(0.95)],
  ]
}
