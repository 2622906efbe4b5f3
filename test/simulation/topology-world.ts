import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { heedEdges } from '../../src/services/fleet/decisions/homes.ts'
import { type FleetMemory, freshMemory } from '../../src/services/fleet/decisions/model.ts'
import { pictureOf } from '../../src/services/fleet/decisions/picture.ts'
import type { Round } from '../../src/services/fleet/decisions/round.ts'
import { epochOf, keepTopology } from '../../src/services/fleet/decisions/topologies.ts'
import type { Told, Topology } from '../../src/services/fleet/decisions/topology.ts'
import { randomFrom } from '../support/random-from.ts'
import { Copy } from './cloudnative-pg.ts'
import { type Pending, SimEdge } from './topology-edge.ts'
import { memberOf, specOf } from './topology-fleet.ts'
import {
  type Cluster,
  type Hub,
  seenBy,
  tokenless,
  unpoliced,
  type Weakness,
  type Work,
} from './topology-seen.ts'

/** It looks at the fleet and at works by watches of their own, of which each may be behind. */
type Controller = { plan: (() => void)[]; frozenUntil: number; fleet: Hub; works: Hub['works'] }

export type Run = { failure: string | undefined; told: number; moves: number; given: number; back: number }
/** @param isLossy somebody accepts the loss of a home that is away @param isPutBack so is the hub, to an earlier day */
export type Kind = { isLossy?: boolean; isPutBack?: boolean }

const ticks = 700
const quietFrom = 420
const tickMs = 1_000
const answerTicks = 30

/** Runs schedules until one goes wrong. */
export function runTopologies(firstSeed: number, schedules: number, kind: Kind, weakness?: Weakness) {
  const all = { failure: undefined as string | undefined, told: 0, moves: 0, given: 0, back: 0 }
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const { failure, ...counts } = runTopology(seed, kind, weakness)
    for (const each of ['told', 'moves', 'given', 'back'] as const) all[each] += counts[each]
    if (failure) return { ...all, failure: `seed ${seed}: ${failure}` }
  }
  return all
}

function runTopology(seed: number, { isLossy = false, isPutBack = false }: Kind, weakness?: Weakness): Run {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const is = (each: Weakness) => weakness === each
  const hasPolicy = !unpoliced.some(is)
  const names = ['a', 'b', 'c'].slice(0, random() < 0.5 ? 2 : 3)
  const clusters = new Map(names.map((name) => [name, newCluster(name)]))
  const of = (name: string) => clusters.get(name) as Cluster
  // Where pictures tell edges nothing of it, the epoch alone holds a stale home up.
  const picturesTell = random() < 0.5
  const lossyUntil = below(2 * quietFrom)
  const first: FleetMemory = {
    ...freshMemory,
    clusters: Object.fromEntries(names.map((name) => [name, memberOf(name)])),
  }
  let hub: Hub = {
    ...{ version: 0, memory: first, wanted: 'a', accepted: undefined },
    ...{ works: new Map(), epochs: new Map() },
  }
  let backup = hub
  const pictureNow = () => {
    const picture = pictureOf(specOf(names, hub), hub.memory)
    return picturesTell
      ? picture
      : { ...picture, clusters: picture.clusters.map((each) => ({ ...each, takesWrites: true })) }
  }
  const edges = [0, 1].map(() => new SimEdge(pictureNow()))
  const controllers: Controller[] = [0, 1].map(() => ({
    ...{ plan: [], frozenUntil: 0, fleet: hub, works: hub.works },
  }))
  /** Orders told of, and when. */
  const told = new Map<number, number>()
  let [tick, nextId, moves, given, back, promotedAt] = [0, 1, 0, 0, 0, -1]
  const isAway = (cluster: Cluster) => tick < cluster.lostUntil

  for (tick = 0; tick < ticks; tick++) step()
  return { failure: verdict(), told: told.size, moves, given, back }

  function step(): void {
    if (tick < quietFrom) strike()
    else if (tick === quietFrom) calm()
    for (const cluster of clusters.values()) if (!isAway(cluster)) live(cluster)
    for (const edge of edges) {
      if (tick >= edge.cutUntil && random() < 0.5)
        edge.follow(pictureNow(), !is('waits for answers of an earlier turn'))
      if (random() < 0.1) edge.keep()
    }
    for (const controller of controllers) if (tick >= controller.frozenUntil) control(controller)
    for (const edge of edges) {
      order(edge)
      edge.pending = edge.pending.filter((each) => !answer(each))
    }
  }

  function strike(): void {
    const struck = of(names[below(names.length)] as string)
    if (random() < 0.006) struck.lostUntil = tick + 20 + below(120)
    if (random() < 0.02) struck.cutUntil = tick + 5 + below(40)
    if (random() < 0.02) struck.mutedUntil = tick + 5 + below(40)
    for (const each of keptDatabases)
      if (random() < 0.03) struck.copies[each].operatorAwayUntil = tick + 5 + below(60)
    const edge = edges[below(2)] as SimEdge
    if (random() < 0.03) edge.cutUntil = tick + 5 + below(60)
    if (random() < 0.02) {
      edge.crash()
      if (random() < 0.7) edge.cutUntil = tick + 5 + below(60)
    }
    if (random() < 0.05) (controllers[below(2)] as Controller).frozenUntil = tick + 3 + below(40)
    if (random() < 0.02) want(names[below(names.length)] as string, undefined)
    if (isPutBack) putBack()
    const { topology } = hub.memory
    if (!isLossy || topology === undefined || tick > lossyUntil || random() > 0.1) return
    if (tick < of(topology.home).lostUntil - 80 && random() < 0.9) return
    if (!isAway(of(topology.home)) && topology.step === 'steady' && random() < 0.9) return
    want(names.find((name) => name !== topology.home) as string, topology.epoch)
  }

  function want(wanted: string, accepted: number | undefined): void {
    hub = { ...hub, version: hub.version + 1, wanted, accepted }
  }

  /** Its etcd is what it was, at versions that nobody has seen; most likely in the middle of a move. */
  function putBack(): void {
    const isMoving = (hub.memory.topology?.step ?? 'steady') !== 'steady'
    if (random() < (isMoving ? 0.1 : 0.02)) backup = hub
    if (isMoving && random() < 0.02) want(hub.memory.topology?.home ?? '', undefined)
    if (random() > 0.006) return
    back++
    const version = hub.version + 1_000
    const works = new Map([...backup.works].map(([name, work]) => [name, { ...work, version }]))
    hub = { ...backup, version, works }
  }

  function calm(): void {
    for (const cluster of clusters.values()) {
      cluster.lostUntil = cluster.cutUntil = cluster.mutedUntil = 0
      for (const each of keptDatabases) cluster.copies[each].operatorAwayUntil = 0
    }
    for (const each of edges) each.cutUntil = 0
    for (const each of controllers) each.frozenUntil = 0
  }

  /** Their owners make those anew that were given up, once there is a primary; the quicker the less strikes. */
  function makeAnew({ name, copies }: Cluster): void {
    const { topology } = hub.memory
    const isUnsettled = topology?.step === 'steady' && Object.hasOwn(topology.unsettled, name)
    if (!isUnsettled || random() > (tick < quietFrom ? 0.02 : 0.1)) return
    const home = of(topology.home)
    for (const each of keptDatabases)
      if (home.copies[each].role === 'primary' && !isAway(home)) copies[each].makeAnew(home.copies[each])
  }

  /** Its operator, its instances and its agent, each when it comes to it. */
  function live(cluster: Cluster): void {
    const source = (database: KeptDatabase) => (name: string) => {
      const from = clusters.get(name)
      return from === undefined || isAway(from) ? undefined : from.copies[database]
    }
    for (const each of keptDatabases) cluster.copies[each].live(tick, random, source(each))
    makeAnew(cluster)
    const { name, copies } = cluster
    const work = hub.works.get(name)
    if (tick < cluster.cutUntil || work === undefined) return
    const applies = random() < 0.4
    // Applied one by one: one may be refused for a while.
    for (const each of keptDatabases)
      if (applies && work.told !== 'look') copies[each].apply(work.told[each], work.told, hasPolicy)
    if (applies) cluster.epoch = hub.epochs.get(name) ?? 0
    if (tick < cluster.mutedUntil || random() < 0.5) return
    const shown = { 'order-db': copies['order-db'].shown(), 'book-db': copies['book-db'].shown() }
    const appliedVersion = applies ? work.version : work.appliedVersion
    hub = { ...hub, works: new Map(hub.works).set(name, { ...work, copies: shown, appliedVersion }) }
  }

  /** Looks, decides, writes down, and does one thing after the other; it may freeze between any two. */
  function control(controller: Controller): void {
    const next = controller.plan.shift()
    if (next !== undefined) next()
    if (next !== undefined || random() < 0.4) return
    if (random() < 0.8) controller.fleet = hub
    if (random() < 0.8) controller.works = hub.works
    const { fleet: read, works } = controller
    const spec = specOf(names, read)
    const round: Round = {
      spec,
      seen: seenBy(read, works, { names, edges, tick, is, picturesTell, isAway, of }),
      nowMs: tick * tickMs,
      memory: read.memory,
      actions: [],
    }
    keepTopology(round, heedEdges(round))
    const { memory } = round
    const turns = names.map((name) => [name, epochOf(round, name)] as const)
    const isSame = JSON.stringify(memory) === JSON.stringify(read.memory)
    controller.plan.push(() => {
      if (hub.version !== read.version) return
      if (!isSame) {
        hub = { ...hub, version: read.version + 1, memory }
        note(read.memory.topology, memory.topology)
      }
      for (const each of round.actions)
        if (each.kind === 'tell-databases')
          controller.plan.push(() => write(each.cluster, each.told, works.get(each.cluster), memory.topology))
      for (const [name, epoch] of turns)
        if (read.epochs.get(name) !== epoch)
          controller.plan.push(() => {
            hub = { ...hub, epochs: new Map(hub.epochs).set(name, epoch) }
          })
    })
  }

  function note(before: Topology | undefined, now: Topology | undefined): void {
    if (before?.step === 'fencing' && now?.step === 'promoting') {
      promotedAt = tick
      given++
    }
    if (before?.step === 'promoting' && now?.step === 'steady') moves++
  }

  function write(name: string, want: Told, at: Work | undefined, topology: Topology | undefined): void {
    const now = hub.works.get(name)
    if (!is('writes works at whatever version') && now?.version !== at?.version) return
    const isTokenless = is('promotes without a token') && want !== 'look' && topology?.step === 'promoting'
    const work = {
      ...{ version: (now?.version ?? 0) + 1, told: isTokenless ? tokenless(want) : want },
      ...{ copies: now?.copies ?? {}, appliedVersion: now?.appliedVersion ?? 0 },
    }
    hub = { ...hub, works: new Map(hub.works).set(name, work) }
  }

  /** A reader's order, at a cluster that its edge sends changes to. */
  function order(edge: SimEdge): void {
    if (random() < 0.3) return
    const isHeldUp = !is('nobody holds up the home that was given up')
    const open = names.filter((name) => !isHeldUp || edge.writers.includes(name))
    // Those that are away are asked when there is nobody else.
    const well = open.filter((name) => !isAway(of(name)))
    const from = well.length > 0 || !picturesTell ? well : open
    if (from.length === 0 || edge.pending.length > 5) return
    const cluster = from[below(from.length)] as string
    edge.pending.push({ id: nextId++, cluster, epoch: isHeldUp ? edge.picture.epoch : 0, sentTick: tick })
  }

  /** Done in both databases, or in none. @returns whether nobody waits for it any more */
  function answer({ id, cluster: name, epoch, sentTick }: Pending): boolean {
    const cluster = of(name)
    if (isAway(cluster) || (picturesTell && random() < 0.3))
      return tick - sentTick > answerTicks || !picturesTell
    if (epoch > cluster.epoch) return true
    const primaries = keptDatabases.map((each) => cluster.copies[each])
    // Roles write to their own cluster's.
    if (primaries.some(({ role }) => role !== 'primary')) return true
    for (const primary of primaries) primary.log.push(id)
    told.set(id, tick)
    return true
  }

  function saidBy(): string {
    return names
      .flatMap((name) => keptDatabases.map((each) => ({ name, each, copy: of(name).copies[each] })))
      .map(
        ({ name, each, copy }) =>
          `${name} ${each} ${copy.role} of ${copy.replica.primary} by ${copy.shown().telling}`,
      )

      .join(', ')
  }

  function verdict(): string | undefined {
    const { topology } = hub.memory
    if (topology?.step !== 'steady')
      return `it is ${topology?.step ?? 'looking'} in the end: ${topology?.trouble ?? saidBy()}`
    for (const each of keptDatabases) {
      const home = of(topology.home).copies[each]
      if (home.role !== 'primary') return `${each} has no primary at ${topology.home} in the end`
      const has = new Set(home.log)
      // What was acknowledged before a home was given up may be lost, and nothing else.
      for (const [id, at] of told)
        if (!has.has(id) && at > promotedAt) return `order ${id}, told of at ${at}, is not in ${each}`
      const others = names.filter(
        (name) => name !== topology.home && of(name).copies[each].role === 'primary',
      )
      if (others.length > 0) return `${others.join()} has a primary of ${each} as well in the end`
    }
    return undefined
  }
}

function newCluster(name: string): Cluster {
  const copies = { 'order-db': new Copy(name, 'a'), 'book-db': new Copy(name, 'a') }
  return { name, copies, epoch: 1, lostUntil: 0, cutUntil: 0, mutedUntil: 0 }
}
