// npx node bench/fleet.ts [--clusters 10,100,1000]: how long a fleet takes to settle and what that costs the hub, by simulation.
import { parseArgs } from 'node:util'
import { decide } from '../src/services/fleet/decisions/decide.ts'
import { type FleetMemory, type FleetSpec, freshMemory } from '../src/services/fleet/decisions/model.ts'
import { carryOut, live, newWorld, view } from '../test/simulation/fleet-world.ts'
import { randomFrom } from '../test/support/random-from.ts'

const { values } = parseArgs({ options: { clusters: { type: 'string', default: '10,100,1000' } } })
const stepMs = 1_000
const rollout = {
  ...{ canaryPercent: 5, soakMs: 30_000, ordersMin: 0, readyLimitMs: 60_000 },
  ...{ failedPercentMax: 2, slowPercentMax: 20 },
}

type Row = { seconds: number; calls: number; turnMs: number }

/** So that the order of names is that of numbers. */
const nameOf = (i: number) => `c${String(i).padStart(4, '0')}`
const serving = (clusters: FleetMemory['clusters']) =>
  Object.values(clusters).filter(({ phase, weight }) => phase === 'serving' && weight > 0).length

console.log('clusters | what                          | simulated time | API calls | per cluster | a turn')
for (const count of values.clusters.split(',').map(Number)) {
  const fleet = openFleet(count)
  report(
    count,
    'all join',
    fleet.until(({ clusters }) => serving(clusters) === count),
  )
  report(count, 'one is lost and replaced', loss(fleet))
  report(count, 'one is drained', drain(fleet))
  report(count, 'a version, one by one', roll(fleet, '2', Math.min(count, 20)), Math.min(count, 20))
}

function report(count: number, what: string, { seconds, calls, turnMs }: Row, of = count): void {
  const cells = [
    String(count).padStart(8),
    (of < count ? `${what} (${of})` : what).padEnd(29),
    `${seconds} s`.padStart(14),
    String(calls).padStart(9),
    (calls / of).toFixed(2).padStart(11),
    `${turnMs.toFixed(2)} ms`,
  ]
  console.log(cells.join(' | '))
}

/** One spare cluster, for what is lost. */
function openFleet(count: number) {
  const names = Array.from({ length: count + 1 }, (_, i) => nameOf(i))
  const schemas = { orders: { version: 1, oldest: 1 } }
  const versions = ['1', '2'].map((version) => ({ version, schemas, behaviour: 'well' as const }))
  const random = randomFrom(count)
  const world = newWorld(names, versions, random)
  const wanted = { version: '1', drained: new Set<string>() }
  let memory: FleetMemory = freshMemory
  const specOf = (): FleetSpec => ({
    ...{
      paused: false,
      dryRun: false,
      version: wanted.version,
      clustersMin: count,
      rollout,
      databases: undefined,
      dns: undefined,
      placement: '',
    },
    clusters: names.map((name, i) => ({
      ...{
        name,
        url: `http://${name}`,
        numbersUrl: '',
        ring: Math.floor(i / 100),
        capacity: 1_000,
        isProduction: false,
      },
      ...{
        approvedBy: ['ada'],
        key: name,
        keeper: undefined,
        intent: wanted.drained.has(name) ? ('drain' as const) : ('serve' as const),
      },
    })),
  })
  return {
    world,
    wanted,
    /** The one that has no work. */
    spare: () => names.find((name) => (memory.clusters[name]?.phase ?? 'out') === 'out') ?? '',
    until(done: (memory: FleetMemory) => boolean): Row {
      const [fromMs, calls] = [world.nowMs, world.calls]
      let [turns, spentMs] = [0, 0]
      while (!done(memory)) {
        live(world, stepMs)
        const spec = specOf()
        const seen = view(world, undefined)
        const atMs = performance.now()
        const decision = decide(spec, seen, memory, world.nowMs)
        spentMs += performance.now() - atMs
        turns++
        memory = decision.memory
        carryOut(world, spec, memory, decision.actions, random)
      }
      return {
        seconds: (world.nowMs - fromMs) / 1_000,
        calls: world.calls - calls,
        turnMs: spentMs / Math.max(1, turns),
      }
    },
  }
}

type Fleet = ReturnType<typeof openFleet>

function loss({ world, until, spare }: Fleet): Row {
  const next = spare()
  const lost = world.clusters.get(nameOf(1))
  if (lost === undefined) throw new Error('there is no such cluster')
  Object.assign(lost, { isUp: false, isConnected: false })
  const row = until(({ clusters }) => clusters[next]?.phase === 'serving')
  Object.assign(lost, { isUp: true, isConnected: true })
  // What is still on its way out would come back at once where another one is needed.
  const isLeaving = ({ phase }: { phase: string }) => phase === 'draining'
  until(
    ({ clusters }) =>
      serving(clusters) === world.clusters.size - 1 && !Object.values(clusters).some(isLeaving),
  )
  return row
}

function drain({ wanted, until }: Fleet): Row {
  wanted.drained.add(nameOf(2))
  const row = until(({ clusters }) => clusters[nameOf(2)]?.phase === 'out')
  wanted.drained.clear()
  return row
}

function roll({ wanted, until }: Fleet, version: string, count: number): Row {
  wanted.version = version
  return until(
    ({ clusters }) => Object.values(clusters).filter((each) => each.version === version).length >= count,
  )
}
