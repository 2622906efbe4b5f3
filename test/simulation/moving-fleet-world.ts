import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { decide } from '../../src/services/fleet/decisions/decide.ts'
import {
  type Action,
  type FleetMemory,
  freshMemory,
  type Seen,
} from '../../src/services/fleet/decisions/model.ts'
import type { Both, SeenCopy, Told } from '../../src/services/fleet/decisions/topology.ts'
import { randomFrom } from '../support/random-from.ts'
import { Copy } from './cloudnative-pg.ts'
import {
  type Behaviour,
  carryOut,
  live,
  newWorld,
  type SimCluster,
  servesVersion,
  type Version,
  view,
} from './fleet-world.ts'
import { planOf, specAt } from './moving-fleet-plan.ts'

/** What it is robbed of, to see the checks notice. */
export type Weakness = 'generation' | 'tokens'

type Databases = {
  copies: Record<KeptDatabase, Copy>
  work: { version: number; told: Told; appliedVersion: number; shown: Partial<Both<SeenCopy>> } | undefined
}
export type MovingRun = { failure: string | undefined; told: number; moves: number; rolled: number }

const names = ['a', 'b', 'c', 'd']
const stepMs = 1_000
const quietFromMs = 700_000
const endMs = 1_500_000
/** In a log: the databases have been migrated. */
const migration = -1
const behaviours: readonly Behaviour[] = ['well', 'well', 'never-ready', 'fails-orders']

/** Runs schedules until one goes wrong. */
export function runMovingFleets(firstSeed: number, schedules: number, broken?: Weakness): MovingRun {
  const all: MovingRun = { failure: undefined, told: 0, moves: 0, rolled: 0 }
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const { failure, ...counts } = runMovingFleet(seed, broken)
    for (const each of ['told', 'moves', 'rolled'] as const) all[each] += counts[each]
    if (failure) return { ...all, failure: `seed ${seed}: ${failure}` }
  }
  return all
}

/** One schedule of a fleet in which databases move while clusters are drained, revoked, taken in and given a version. */
function runMovingFleet(seed: number, broken?: Weakness): MovingRun {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const isCalm = seed % 2 === 0
  const behaviour = behaviours[below(behaviours.length)] as Behaviour
  const migrates = random() < 0.5
  const versions: Version[] = [
    { version: '1', schemas: { orders: { version: 1, oldest: 1 } }, behaviour: 'well' },
    { version: '2', schemas: { orders: { version: migrates ? 2 : 1, oldest: 1 } }, behaviour },
  ]
  const world = newWorld(names, versions, random)
  const databases = new Map(
    names.map((name): [string, Databases] => [
      name,
      { copies: { 'order-db': new Copy(name, 'a'), 'book-db': new Copy(name, 'a') }, work: undefined },
    ]),
  )
  const of = (name: string) => databases.get(name) as Databases
  const isPrimary = (name: string) => keptDatabases.every((each) => of(name).copies[each].role === 'primary')
  const plan = planOf(names, below, random)
  let [wanted, memory]: [string, FleetMemory] = ['a', freshMemory]
  const told = new Set<number>()
  let [nextId, moves, rolled] = [1, 0, 0]
  let failure: string | undefined

  while (world.nowMs < endMs && failure === undefined) step()
  failure ??= verdict()
  return { failure, told: told.size, moves, rolled }

  function step(): void {
    // Somebody would have to accept its loss.
    if (!isCalm && plan.revoked === memory.topology?.home) plan.revoked = ''
    if (world.nowMs >= quietFromMs) calm()
    else if (!isCalm) strike()
    if (world.nowMs < quietFromMs && random() < 0.006) wanted = names[below(4)] as string
    for (const each of world.clusters.values()) liveDatabases(each)
    live(world, stepMs, { blocks, takes })
    sell()
    control()
  }

  function strike(): void {
    for (const each of world.clusters.values()) {
      if (random() < 0.001) each.isUp = false
      else if (!each.isUp && random() < 0.05) each.isUp = true
      if (random() < 0.002) each.isConnected = false
      else if (!each.isConnected && random() < 0.04) each.isConnected = true
      for (const copy of Object.values(of(each.name).copies))
        if (random() < 0.004) copy.operatorAwayUntil = world.nowMs / stepMs + below(60)
    }
  }

  function calm(): void {
    for (const each of world.clusters.values())
      Object.assign(each, { isUp: true, isConnected: true, lagMs: 1_500 })
  }

  /** Nobody can migrate a copy, and no program runs on a schema that is older than it. */
  function blocks({ name, running }: SimCluster): boolean {
    if (running?.version !== '2' || !migrates) return false
    return keptDatabases.some((each) => !of(name).copies[each].log.includes(migration))
  }

  /** Orders go to those that take changes; they fail where the primaries have ended. */
  function takes(name: string): 'takes' | 'fails' | 'nothing' {
    const isTaker = world.picture.clusters.find((each) => each.name === name)?.takesWrites ?? false
    if (!isTaker) return 'nothing'
    return isPrimary(name) ? 'takes' : 'fails'
  }

  function sell(): void {
    for (const { name, weight, takesWrites } of world.picture.clusters) {
      const cluster = world.clusters.get(name)
      if (!takesWrites || weight === 0 || cluster === undefined || !isPrimary(name)) continue
      if (servesVersion(cluster, world) === undefined) continue
      for (const each of keptDatabases) of(name).copies[each].log.push(nextId)
      told.add(nextId++)
    }
  }

  function liveDatabases({ name, isUp, isConnected, running }: SimCluster): void {
    if (!isUp) return
    const { copies, work } = of(name)
    const tick = world.nowMs / stepMs
    for (const each of keptDatabases) {
      copies[each].receivesMax = 50
      copies[each].live(tick, random, (source) =>
        world.clusters.get(source)?.isUp ? databases.get(source)?.copies[each] : undefined,
      )
    }
    if (migrates && running?.version === '2' && isPrimary(name))
      for (const each of keptDatabases)
        if (!copies[each].log.includes(migration)) copies[each].log.push(migration)
    if (!isConnected || work === undefined) return
    if (random() < 0.4) {
      if (work.told !== 'look')
        for (const each of keptDatabases) copies[each].apply(work.told[each], work.told)
      work.appliedVersion = work.version
    }
    if (random() < 0.5)
      work.shown = { 'order-db': copies['order-db'].shown(), 'book-db': copies['book-db'].shown() }
  }

  function control(): void {
    const isDead = Math.floor(world.nowMs / 1_000) % 97 < 4
    if (isDead) return
    const spec = specAt(world.nowMs, wanted, names, plan)
    const before = memory
    const works = new Map([...world.clusters].map(([name, { work }]) => [name, work]))
    const decision = decide(spec, seen(), before, world.nowMs)
    memory = decision.memory
    carryOut(world, spec, memory, decision.actions, random)
    for (const each of decision.actions) if (random() > 0.02) tell(each)
    note(before, works)
  }

  function tell(action: Action): void {
    if (action.kind === 'tell-databases') {
      const own = of(action.cluster)
      const version = own.work === undefined ? undefined : String(own.work.version)
      if (version !== action.version) return
      own.work = {
        ...{ version: (own.work?.version ?? 0) + 1, told: action.told },
        ...{ appliedVersion: 0, shown: own.work?.shown ?? {} },
      }
    }
    if (action.kind === 'reap' && !action.keepsDatabases) of(action.cluster).work = undefined
  }

  function note(before: FleetMemory, works: ReadonlyMap<string, unknown>): void {
    const { topology } = memory
    if (before.topology?.step === 'promoting' && topology?.step === 'steady') {
      moves++
      lostAt(topology.home, 'when it has moved')
    }
    if (before.rollout !== undefined && memory.rollout === undefined) rolled++
    for (const { name, work } of world.clusters.values())
      if (
        work === undefined &&
        works.get(name) !== undefined &&
        topology?.home === name &&
        plan.revoked !== name
      )
        fail(`${name} lost its work and has the databases`)
    const bad = [...world.clusters.values()].filter(
      ({ name, work }) =>
        behaviour !== 'well' &&
        work?.version === '2' &&
        (world.picture.clusters.find((each) => each.name === name)?.weight ?? 0) > 0,
    )
    if (bad.length > 1) fail(`a bad version on ${bad.map(({ name }) => name)}`)
    if (isCalm && behaviour === 'well' && memory.bad['2'] !== undefined)
      fail(`a good version is called bad: ${memory.bad['2']}`)
  }

  function seen(): Seen {
    const now = view(world, broken === 'generation' ? broken : undefined)
    const clusters = [...now.clusters].map(([name, each]) => {
      const { work } = of(name)
      const { takesWrites } = world.picture.clusters.find((one) => one.name === name) ?? {}
      const works = each.works + Number(work !== undefined)
      return [
        name,
        {
          ...{ ...each, works, edge: each.edge && { ...each.edge, takesWrites } },
          ...(work && {
            databases: {
              ...{ version: String(work.version), told: work.told, copies: shownBy(name) },
              isApplied: work.appliedVersion === work.version,
            },
          }),
        },
      ] as const
    })
    const isBusy = world.nowMs > plan.busyMs && world.nowMs < plan.busyMs + 200_000
    const { revision, epoch } = world.picture
    return { ...now, clusters: new Map(clusters), heard: { revision, epoch }, demand: isBusy ? 80 : 20 }
  }

  /** What was fed back; or the end of a log that has not ended. */
  function shownBy(name: string): Partial<Both<SeenCopy>> {
    const { topology } = memory
    const { shown = {} } = of(name).work ?? {}
    if (broken !== 'tokens' || topology?.step !== 'demoting' || topology.home !== name) return shown
    const [primary, telling] = [topology.to, topology.telling]
    const early = (each: KeptDatabase) =>
      shown[each] && {
        ...shown[each],
        primary,
        telling,
        demotionToken: of(topology.to).copies[each].tokenNow(),
      }
    const [orderDb, bookDb] = [early('order-db'), early('book-db')]
    return { ...(orderDb && { 'order-db': orderDb }), ...(bookDb && { 'book-db': bookDb }) }
  }

  function lostAt(home: string, when: string): void {
    for (const each of keptDatabases) {
      const has = new Set(of(home).copies[each].log)
      const lost = [...told].filter((id) => !has.has(id))
      if (lost.length > 0) fail(`${when} ${lost.length} orders are not in ${each} at ${home}`)
    }
  }

  function fail(why: string): void {
    const last = memory.timeline.slice(-12).map(({ atMs, text }) => `${Math.round(atMs / 1_000)} s ${text}`)
    failure ??= `${Math.round(world.nowMs / 1_000)} s: ${why}\n${last.join('\n')}`
  }

  function verdict(): string | undefined {
    const { topology, rollout, clusters } = memory
    if (topology?.step !== 'steady')
      fail(`they are ${topology?.step ?? 'looked for'} in the end: ${topology?.trouble}`)
    else {
      lostAt(topology.home, 'in the end')
      if (!isPrimary(topology.home)) fail(`${topology.home} is no primary in the end`)
      const others = names.filter((name) => name !== topology.home && isPrimary(name))
      if (others.length > 0) fail(`${others} have primaries as well`)
      if (topology.home === plan.revoked) fail(`they are at ${plan.revoked}, which is revoked`)
    }
    if (rollout !== undefined) fail(`a roll-out is still ${rollout.step}`)
    if (plan.revoked !== '' && clusters[plan.revoked]?.phase !== 'revoked')
      fail(`${plan.revoked} is not revoked`)
    const wants = behaviour === 'well' && memory.bad['2'] === undefined ? '2' : '1'
    const members = Object.entries(clusters).filter(([, { phase }]) => phase === 'serving')
    for (const [name, { version, weight }] of members)
      if (version !== wants || weight !== 100) fail(`${name} has ${version} and ${weight} in the end`)
    if (members.length < 2) fail(`${members.length} clusters serve in the end`)
    return failure
  }
}
