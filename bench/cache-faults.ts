import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Crowd, openCacheCrowd } from '../test/support/cache-crowd.ts'
import { figuresOf, ms, printTable, round } from './rounds.ts'

// What readers notice of Redis servers that are lost, frozen, slow or emptied: two gateways, four servers, 16 readers.
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '4' } } })
const phaseMs = Number(values.seconds) * 1_000

await using stack = new AsyncDisposableStack()
const scope = { after: (end: () => unknown) => stack.defer(async () => void (await end())) }
const { redis, readFor, nodesUp } = await openCacheCrowd(scope as TestContext, 4)
const rows: string[][] = []

const phase = async (name: string, crowd: Promise<Crowd>) => {
  const { waits, failed, oldestMs, asked } = await crowd
  const { p50Ms, p99Ms } = figuresOf(waits, phaseMs)
  const hits = (100 * (1 - asked / waits.length)).toFixed(2)
  rows.push([
    ...[name, round(waits.length), String(failed), `${hits} %`, ms(p50Ms), ms(p99Ms)],
    `${(oldestMs / 1000).toFixed(1)} s`,
  ])
}
const allBack = async () => {
  while ((await nodesUp()) < redis.length) await sleep(50)
}
const [first, second] = redis
await readFor(phaseMs)
await phase('all well', readFor(phaseMs))
const killed = sleep(500).then(() => first?.kill())
await phase('a node is killed', readFor(phaseMs))
await killed
await phase('without it', readFor(phaseMs))
await first?.start()
await allBack()
await phase('it is back, empty', readFor(phaseMs))
const frozen = sleep(500).then(() => second?.freeze())
await phase('a node freezes', readFor(phaseMs))
await frozen
second?.thaw()
await allBack()
const slowing = slowly()
await phase('a node is slow (40 of every 80 ms)', readFor(phaseMs))
slowing.stop()
await allBack()
const emptied = sleep(500).then(() => Promise.all(redis.map((server) => server.command('flushall'))))
await phase('all are emptied', readFor(phaseMs))
await emptied
for (const server of redis) await server.kill()
await phase('all are gone', readFor(phaseMs))
for (const server of redis) await server.start()
await allBack()
await phase('all are back, empty', readFor(phaseMs))

printTable(['', 'reads', 'failed', 'not asked for', 'p50', 'p99', 'oldest shown'], rows)

/** A node that makes everybody wait again and again. */
function slowly(): { stop(): void } {
  const timer = setInterval(() => void second?.command('client', 'pause', '40').catch(() => undefined), 80)
  return { stop: () => clearInterval(timer) }
}
