import { parseArgs } from 'node:util'
import { runFaults } from './fault-run.ts'
import { startFaultyStore } from './faulty-store.ts'
import { strikeTable } from './strikes.ts'

/**
 * `node test/faults/long-run.ts --kills 120 --replicas 4`: thousands of orders while parts of the store die and freeze. Prints what
 * was struck and what became of the orders; exits with 1 when anything was lost, oversold or left in doubt.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '120' },
    orders: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '24' },
    replicas: { type: 'string', default: '0' },
  },
})
const atEnd: (() => unknown)[] = []
try {
  process.exitCode = await main()
} finally {
  for (const work of atEnd.reverse()) await work()
}

async function main(): Promise<number> {
  const store = await startFaultyStore(
    { after: (work) => atEnd.push(work) },
    {
      holdSeconds: 20,
      replicas: Number(values.replicas),
    },
  )
  const startedMs = performance.now()
  const run = await runFaults(store, {
    killsMax: Number(values.kills),
    acknowledgedMin: Number(values.orders),
    clients: Number(values.clients),
    clientPauseMs: 150,
    strikePauseMs: 1_200,
    // Two that do not sell out, and two that do and come back.
    copies: [1_000_000, 1_000_000, 200, 60],
    onStrike: ({ done, kills }, clients) => {
      const last = done.at(-1)
      console.log(
        `${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${last?.how} ${last?.what}  ` +
          `(${kills} kills, ${clients.acknowledged()} orders acknowledged)`,
      )
    },
  })
  const freezes = run.strikes.done.length - run.strikes.kills
  console.log(`\n${'struck'.padEnd(28)} kills freezes\n${strikeTable(run.strikes).join('\n')}\n`)
  const rows: [string, unknown][] = [
    ['kills', run.strikes.kills],
    ['freezes', freezes],
    ['orders acknowledged', run.acknowledged],
    ['orders refused (sold out)', run.refused],
    ['clients without an answer', run.unanswered],
    ['acknowledged orders lost', run.lost.length],
    ['in doubt after 10 s', run.inDoubt],
    ['audit findings', run.findings.length],
    ['wrong answers', run.wrong.length],
    ['longest time without a sale', `${(run.longestGapMs / 1000).toFixed(1)} s`],
    ['duration', `${((performance.now() - startedMs) / 1000).toFixed(0)} s`],
  ]
  for (const [name, value] of rows) console.log(`${name.padEnd(30)}${String(value).padStart(10)}`)
  for (const problem of [...run.lost, ...run.findings, ...run.wrong].slice(0, 50)) console.log(`  ${problem}`)
  return run.lost.length + run.findings.length + run.wrong.length + run.inDoubt === 0 ? 0 : 1
}
