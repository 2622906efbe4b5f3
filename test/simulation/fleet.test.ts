import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide } from '../../src/services/fleet/decisions/decide.ts'
import {
  type ClusterSpec,
  type FleetMemory,
  type FleetSpec,
  freshMemory,
} from '../../src/services/fleet/decisions/model.ts'
import { randomFrom } from '../support/random-from.ts'
import {
  type Behaviour,
  type Broken,
  carryOut,
  live,
  newWorld,
  servesVersion,
  type Version,
  view,
  type World,
} from './fleet-world.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 120)
const firstSeed = process.env.OCTAVO_SEED
const stepMs = 1_000
const quietFromMs = 900_000
const endMs = 1_800_000
const names = ['a', 'b', 'c', 'd']
const rollout = {
  ...{ canaryPercent: 5, soakMs: 30_000, ordersMin: 50, readyLimitMs: 60_000 },
  ...{ failedPercentMax: 2, slowPercentMax: 20 },
}
const schemas = { orders: { version: 1, oldest: 1 } }
const behaviours: readonly Behaviour[] = ['well', 'never-ready', 'fails-orders', 'oversells']

type Told = { complaints: string[]; memory: FleetMemory; world: World; backMs: number | undefined }

test('clusters that flap, lie, freeze and are cut off: no rule is broken, and the fleet settles', () => {
  for (let i = 0; i < schedules; i++) {
    const seed = firstSeed === undefined ? i : Number(firstSeed)
    const told = run(seed)
    assert.deepEqual(told.complaints, [], `seed ${seed}\n${story(told)}`)
  }
})

for (const broken of ['generation', 'followed', 'probes', 'the hub’s clock'] as const)
  test(`a controller that does not look at ${broken} breaks a rule`, () => {
    const failed = Array.from({ length: 60 }, (_, seed) => run(seed, broken)).filter(
      ({ complaints }) => complaints.length > 0,
    )
    assert.ok(failed.length > 0, 'some schedule shows it')
  })

test('a bad version is rolled back by itself, within three minutes', () => {
  const took: number[] = []
  for (let seed = 0; seed < 60; seed++) {
    const { backMs } = run(seed)
    if (backMs !== undefined) took.push(backMs)
  }
  took.sort((a, b) => a - b)
  assert.ok(took.length > 20)
  assert.ok(
    (took[Math.floor(took.length / 2)] ?? 0) <= 180_000,
    `the middle is ${took[Math.floor(took.length / 2)]} ms`,
  )
})

function specOf(version: string, at: { drain?: string; revoke?: string }): FleetSpec {
  const clusters = names.map(
    (name, i): ClusterSpec => ({
      ...{
        name,
        url: `http://${name}:80`,
        numbersUrl: '',
        ring: i,
        capacity: 30,
        approvedBy: ['ada', 'ben'],
        isProduction: true,
      },
      ...{ key: `key of ${name}`, keeper: undefined },
      intent: name === at.revoke ? 'revoke' : name === at.drain ? 'drain' : 'serve',
    }),
  )
  return {
    ...{
      paused: false,
      dryRun: false,
      version,
      clusters,
      clustersMin: 3,
      rollout,
      databases: undefined,
      dns: undefined,
      placement: '',
    },
  }
}

/** One schedule: half of it with faults, half without, a second version somewhere in it. */
function run(seed: number, broken?: Broken): Told {
  const random = randomFrom(seed)
  const behaviour = behaviours[seed % behaviours.length] as Behaviour
  const versions: Version[] = [
    { version: '1', schemas, behaviour: 'well' },
    { version: '2', schemas, behaviour },
  ]
  const world = newWorld([...names, 'rogue'], versions, random)
  const upgradeMs = 120_000 + random() * 200_000
  const drainMs = 300_000 + random() * 400_000
  const drained = random() < 0.5 ? names[Math.floor(random() * names.length)] : undefined
  const revoked = random() < 0.3 ? names.find((name) => name !== drained) : undefined
  let [memory, aheadMs]: [FleetMemory, number] = [freshMemory, 0]
  const complaints: string[] = []
  const shown = { badSince: undefined as number | undefined, backMs: undefined as number | undefined }
  while (world.nowMs < endMs) {
    if (world.nowMs < quietFromMs) strike(world, random)
    else calm(world)
    live(world, stepMs)
    const isDraining = world.nowMs > drainMs && world.nowMs < drainMs + 200_000
    const spec = specOf(world.nowMs > upgradeMs ? '2' : '1', {
      ...(isDraining && drained !== undefined && { drain: drained }),
      ...(revoked !== undefined && world.nowMs > 500_000 && { revoke: revoked }),
    })
    // A controller that has died decides nothing for a while, and goes on by what it wrote down.
    const isDead = Math.floor(world.nowMs / 1_000) % 97 < 4
    // The next one may be elsewhere, on a machine whose clock is another.
    if (isDead && broken === 'the hub’s clock') aheadMs = (random() - 0.5) * 1_200_000
    if (!isDead) {
      const before = new Map([...world.clusters].map(([name, { work }]) => [name, work]))
      const decision = decide(spec, view(world, broken), memory, world.nowMs + aheadMs)
      memory = decision.memory
      carryOut(world, spec, memory, decision.actions, random)
      complaints.push(...reaped(world, before, revoked))
    }
    complaints.push(...check(world, memory, behaviour, revoked))
    noteBack(world, behaviour, shown)
    if (complaints.length > 3) break
  }
  complaints.push(...settled(world, memory, behaviour, revoked))
  return { complaints, memory, world, backMs: shown.backMs }
}

function strike(world: World, random: () => number): void {
  for (const each of world.clusters.values()) {
    if (random() < 0.002) each.isUp = false
    else if (!each.isUp && random() < 0.06) each.isUp = true
    if (random() < 0.002) each.isConnected = false
    else if (!each.isConnected && random() < 0.04) each.isConnected = true
    if (random() < 0.002) each.lies = !each.lies
    if (random() < 0.004) each.lagMs = 700 + random() * random() * 40_000
  }
}

function calm({ clusters }: World): void {
  for (const each of clusters.values())
    Object.assign(each, { isUp: true, isConnected: true, lies: false, lagMs: 1_500 })
}

/** Whose work was taken had no readers and was no longer needed. */
function reaped(world: World, before: Map<string, unknown>, revoked: string | undefined): string[] {
  return [...world.clusters.values()].flatMap(({ name, work, inFlight }) => {
    if (work !== undefined || before.get(name) === undefined || name === revoked) return []
    const weight = world.picture.clusters.find((each) => each.name === name)?.weight ?? 0
    const isLost = !world.clusters.get(name)?.isUp
    if (weight > 0) return [`${seconds(world)}: ${name} lost its work while an edge sent readers there`]
    return inFlight > 0 && !isLost
      ? [`${seconds(world)}: ${name} lost its work with ${inFlight} requests in it`]
      : []
  })
}

function check(
  world: World,
  { clusters }: FleetMemory,
  behaviour: Behaviour,
  revoked: string | undefined,
): string[] {
  const found: string[] = []
  const pictured = (name: string) => world.picture.clusters.find((each) => each.name === name)
  const changed = [...world.clusters.values()].filter(
    ({ work, name }) => behaviour !== 'well' && work?.version === '2' && (pictured(name)?.weight ?? 0) > 0,
  )
  // An oversale shows only after a while, and then everywhere at once: it is told by its alarm.
  if (changed.length > 1) found.push(`${seconds(world)}: a bad version on ${changed.map(({ name }) => name)}`)
  if (world.clusters.get('rogue')?.work !== undefined) found.push(`${seconds(world)}: a stranger has work`)
  if (world.clusters.get('rogue')?.registration === 'accepted')
    found.push(`${seconds(world)}: a stranger is in`)
  const gone = revoked === undefined ? undefined : world.clusters.get(revoked)
  if (gone?.work !== undefined && world.nowMs > 560_000)
    found.push(`${seconds(world)}: revoked, and has work`)
  const able = [...world.clusters.values()].filter((each) => servesVersion(each, world) !== undefined)
  const serving = able.filter(({ name }) => (pictured(name)?.weight ?? 0) > 0)
  const wasStarted = world.picture.clusters.some(({ weight }) => weight > 0)
  // One that joins has to be heard of first, which may take as long as its feedback is late.
  const members = able.filter(({ name }) => clusters[name]?.phase === 'serving')
  if (wasStarted && serving.length === 0 && members.length > 1)
    found.push(`${seconds(world)}: nobody sells, and ${members.map(({ name }) => name)} could`)
  return found
}

function noteBack(
  world: World,
  behaviour: Behaviour,
  shown: { badSince?: number | undefined; backMs?: number | undefined },
): void {
  if (behaviour === 'well' || shown.backMs !== undefined) return
  const isThere = [...world.clusters.values()].some(({ work }) => work?.version === '2')
  if (isThere) shown.badSince ??= world.nowMs
  else if (shown.badSince !== undefined) shown.backMs = world.nowMs - shown.badSince
}

/** After a time without faults everything is as it should be. */
function settled(
  world: World,
  memory: FleetMemory,
  behaviour: Behaviour,
  revoked: string | undefined,
): string[] {
  const wanted = behaviour === 'well' && memory.bad['2'] === undefined ? '2' : '1'
  const members = Object.entries(memory.clusters).filter(([, { phase }]) => phase === 'serving')
  const found = members
    .filter(([name]) => world.clusters.get(name)?.running?.version !== wanted)
    .map(([name]) => `${name} does not run ${wanted} in the end`)
  if (members.length < 3) found.push(`${members.length} clusters serve in the end`)
  if (members.some(([, { weight }]) => weight !== 100)) found.push('some weight is not what it was')
  if (memory.rollout !== undefined) found.push(`a rollout is still ${memory.rollout.step}`)
  if (revoked !== undefined && memory.clusters[revoked]?.phase !== 'revoked')
    found.push(`${revoked} is not revoked`)
  return found
}

const seconds = ({ nowMs }: World) => `${Math.round(nowMs / 1_000)} s`
const story = ({ memory }: Told) =>
  memory.timeline.map(({ atMs, text }) => `${Math.round(atMs / 1_000)} s ${text}`).join('\n')
