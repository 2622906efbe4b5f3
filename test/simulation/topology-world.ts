import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { decideTopology } from '../../src/services/fleet/decisions/move-databases.ts'
import {
  type SeenCopies,
  type Told,
  type Topology,
  takesWrites,
} from '../../src/services/fleet/decisions/topology.ts'
import { randomFrom } from '../support/random-from.ts'
import { Copy } from './cloudnative-pg.ts'

/** What the protocol is robbed of, to see the checks notice. */
export type Weakness =
  | 'promotes without a token'
  | 'promotes before the token is there'
  | 'takes a token of an earlier move'
  | 'writes works at whatever version'
  | 'does not wait for edges'
  | 'nobody holds up the home that was given up'

type Cluster = {
  name: string
  copies: Record<KeptDatabase, Copy>
  /** By its work; its gateways refuse what comes with a later one. */
  epoch: number
  lostUntil: number
  /** Its agent hears nothing of the hub. */
  cutUntil: number
}
type Work = { version: number; told: Told; epoch: number }
type Stored = {
  version: number
  topology: Topology | undefined
  revision: number
  wanted: string
  accepted: number
}
type Edge = { epoch: number; revision: number; writers: readonly string[]; cutUntil: number }
type Controller = { plan: (() => void)[]; frozenUntil: number }

export type Run = { failure: string | undefined; told: number; moves: number; given: number }

const ticks = 700
const quietFrom = 420
const tickMs = 1_000

/** Runs schedules until one goes wrong. @param isLossy somebody accepts the loss of a home that is away */
export function runTopologies(firstSeed: number, schedules: number, isLossy: boolean, weakness?: Weakness) {
  let [told, moves, given] = [0, 0, 0]
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const run = runTopology(seed, isLossy, weakness)
    told += run.told
    moves += run.moves
    given += run.given
    if (run.failure) return { failure: `seed ${seed}: ${run.failure}`, told, moves, given }
  }
  return { failure: undefined, told, moves, given }
}

function runTopology(seed: number, isLossy: boolean, weakness?: Weakness): Run {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const names = ['a', 'b', 'c'].slice(0, random() < 0.5 ? 2 : 3)
  const clusters = new Map(names.map((name) => [name, newCluster(name)]))
  const of = (name: string) => clusters.get(name) as Cluster
  // Where pictures tell edges nothing of it, the epoch alone holds a stale home up.
  const picturesTell = random() < 0.5
  const works = new Map<string, Work>()
  const heard = new Map<string, { copies: Record<KeptDatabase, ReturnType<Copy['shown']>> }>()
  let stored: Stored = { version: 0, topology: undefined, revision: 1, wanted: 'a', accepted: 0 }
  const edges: Edge[] = [0, 1].map(() => ({ epoch: 1, revision: 0, writers: [], cutUntil: 0 }))
  const controllers: Controller[] = [0, 1].map(() => ({ plan: [], frozenUntil: 0 }))
  /** Orders told of, and when. */
  const told = new Map<number, number>()
  let [tick, nextId, moves, given, promotedAt] = [0, 1, 0, 0, -1]
  const isAway = (cluster: Cluster) => tick < cluster.lostUntil

  for (tick = 0; tick < ticks; tick++) step()
  return { failure: verdict(), told: told.size, moves, given }

  function step(): void {
    if (tick < quietFrom) strike()
    else if (tick === quietFrom) calm()
    for (const cluster of clusters.values()) if (!isAway(cluster)) live(cluster)
    for (const edge of edges) follow(edge)
    for (const controller of controllers) if (tick >= controller.frozenUntil) control(controller)
    for (const edge of edges) order(edge)
  }

  function strike(): void {
    const struck = of(names[below(names.length)] as string)
    if (random() < 0.006) struck.lostUntil = tick + 20 + below(120)
    if (random() < 0.02) struck.cutUntil = tick + 5 + below(40)
    for (const each of keptDatabases)
      if (random() < 0.03) struck.copies[each].operatorAwayUntil = tick + 5 + below(60)
    if (random() < 0.03) (edges[below(2)] as Edge).cutUntil = tick + 5 + below(60)
    if (random() < 0.05) (controllers[below(2)] as Controller).frozenUntil = tick + 3 + below(40)
    if (random() < 0.02)
      stored = { ...stored, version: stored.version + 1, wanted: names[below(names.length)] as string }
    const { topology } = stored
    if (!isLossy || topology === undefined || tick < of(topology.home).lostUntil - 80 || random() > 0.1)
      return
    if (!isAway(of(topology.home)) && topology.step === 'steady') return
    const wanted = names.find((name) => name !== topology.home) as string
    stored = { ...stored, version: stored.version + 1, wanted, accepted: topology.epoch }
  }

  function calm(): void {
    for (const cluster of clusters.values()) {
      cluster.lostUntil = cluster.cutUntil = 0
      for (const each of keptDatabases) cluster.copies[each].operatorAwayUntil = 0
    }
    for (const each of [...edges]) each.cutUntil = 0
    for (const each of controllers) each.frozenUntil = 0
  }

  /** Their owners make those anew that were given up, once there is a primary; the quicker the less strikes. */
  function makeAnew({ name, copies }: Cluster): void {
    const { topology } = stored
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
    if (tick < cluster.cutUntil) return
    const work = works.get(cluster.name)
    if (work !== undefined && random() < 0.4) {
      // Applied one by one: one may be refused for a while.
      for (const each of keptDatabases) if (work.told !== 'look') cluster.copies[each].apply(work.told[each])
      cluster.epoch = work.epoch
    }
    if (random() < 0.5) {
      const { 'order-db': orderDb, 'book-db': bookDb } = cluster.copies
      heard.set(cluster.name, { copies: { 'order-db': orderDb.shown(), 'book-db': bookDb.shown() } })
    }
  }

  function follow(edge: Edge): void {
    if (tick < edge.cutUntil || random() < 0.5) return
    const { topology, revision } = stored
    edge.epoch = Math.max(edge.epoch, topology?.epoch ?? 1)
    edge.revision = revision
    edge.writers = names.filter((name) => !picturesTell || (topology && takesWrites(topology, name)))
  }

  /** Looks, decides, writes down, and does one thing after the other; it may freeze between any two. */
  function control(controller: Controller): void {
    const next = controller.plan.shift()
    if (next !== undefined) next()
    if (next !== undefined || random() < 0.4) return
    const read = stored
    const isFollowed = edges.every((edge) => tick >= edge.cutUntil && edge.revision >= read.revision)
    const versions = new Map(names.map((name) => [name, works.get(name)]))
    const { topology, told: wants } = decideTopology(
      {
        ...{
          members: names,
          wanted: read.wanted,
          acceptLossOf: read.accepted,
          lostAfterMs: 5_000,
          demand: 1,
        },
        isHomeLost: read.topology !== undefined && isAway(of(read.topology.home)),
        isFollowed: isFollowed || weakness === 'does not wait for edges',
        works: new Map(names.map((name) => [name, works.get(name)?.told])),
        epoch: read.topology?.epoch ?? 1,
      },
      seenBy(read.topology),
      read.topology,
      tick * tickMs,
    )
    controller.plan.push(() => {
      if (stored.version !== read.version) return
      const isNews = JSON.stringify(topology) !== JSON.stringify(read.topology)
      stored = { ...read, version: read.version + 1, topology, revision: read.revision + (isNews ? 1 : 0) }
      note(read.topology, topology)
      for (const [name, want] of wants)
        controller.plan.push(() => write(name, want, topology, versions.get(name)))
    })
  }

  function note(before: Topology | undefined, now: Topology | undefined): void {
    if (before?.step === 'fencing' && now?.step === 'promoting') {
      promotedAt = tick
      given++
    }
    if (before?.step === 'promoting' && now?.step === 'steady') moves++
  }

  function write(name: string, want: Told, topology: Topology | undefined, at: Work | undefined): void {
    const now = works.get(name)
    const epoch = topology?.unsettled[name]?.epoch ?? topology?.epoch ?? 1
    const told = weakness === 'promotes without a token' && want !== 'look' ? tokenless(want) : want
    if (JSON.stringify([now?.told, now?.epoch]) === JSON.stringify([told, epoch])) return
    if (weakness !== 'writes works at whatever version' && now?.version !== at?.version) return
    works.set(name, { version: (now?.version ?? 0) + 1, told, epoch })
  }

  function seenBy(topology: Topology | undefined): SeenCopies {
    return new Map(
      names.map((name) => {
        const { copies } = heard.get(name) ?? {}
        if (copies === undefined) return [name, {}]
        const weak = { ...copies }
        for (const each of keptDatabases) {
          const copy = copies[each]
          if (weakness === 'takes a token of an earlier move' && topology?.step !== 'demoting')
            weak[each] = { ...copy, demotionToken: '' }
          if (weakness === 'promotes before the token is there' && topology?.step === 'demoting')
            weak[each] = {
              ...copy,
              primary: topology.to,
              demotionToken: of(topology.to).copies[each].tokenNow(),
            }
        }
        return [name, weak]
      }),
    )
  }

  /** A reader's order: in both databases, or in none. */
  function order(edge: Edge): void {
    if (random() < 0.3) return
    const isHeldUp = weakness !== 'nobody holds up the home that was given up'
    const open = names.filter((name) => !isAway(of(name)) && (!isHeldUp || edge.writers.includes(name)))
    if (open.length === 0) return
    const cluster = of(open[below(open.length)] as string)
    if (isHeldUp && edge.epoch > cluster.epoch) return
    const primaries = keptDatabases.map((each) => cluster.copies[each])
    // Roles write to their own cluster's.
    if (primaries.some(({ role }) => role !== 'primary')) return
    const id = nextId++
    for (const primary of primaries) primary.log.push(id)
    told.set(id, tick)
  }

  function verdict(): string | undefined {
    const { topology } = stored
    if (topology?.step !== 'steady')
      return `it is ${topology?.step ?? 'looking'} in the end: ${topology?.trouble}`
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

const tokenless = (want: Exclude<Told, 'look'>): Told => ({
  'order-db': { ...want['order-db'], token: '' },
  'book-db': { ...want['book-db'], token: '' },
})

function newCluster(name: string): Cluster {
  const copies = { 'order-db': new Copy(name, 'a'), 'book-db': new Copy(name, 'a') }
  return { name, copies, epoch: 1, lostUntil: 0, cutUntil: 0 }
}
