import type { FleetPicture } from '#kernel/fleet-picture'
import type {
  Action,
  FleetMemory,
  FleetSpec,
  OrderCounts,
  Seen,
  SeenCluster,
  VersionRecord,
} from '../../src/services/fleet/decisions/model.ts'
import { pictureOf } from '../../src/services/fleet/decisions/picture.ts'

/** How a version behaves once it runs. */
export type Behaviour = 'well' | 'never-ready' | 'fails-orders' | 'oversells'
export type Version = VersionRecord & { behaviour: Behaviour }

/** Safeguards of the view that a test may take out, to see that their absence is noticed. */
export type Broken = 'generation' | 'followed' | 'probes' | 'the hub’s clock' | undefined

type Work = { version: string; generation: number }
type Feedback = { atMs: number; generation: number; isReady: boolean }

export type SimCluster = {
  name: string
  registration: SeenCluster['registration']
  /** What the hub has, and what the cluster runs. */
  work: Work | undefined
  running: (Work & { sinceMs: number }) | undefined
  before: string | undefined
  isUp: boolean
  /** Its agents reach the hub. */
  isConnected: boolean
  isTainted: boolean
  feedback: Feedback[]
  lagMs: number
  startMs: number
  orders: OrderCounts
  inFlight: number
  /** Says that it is ready when it is not. */
  lies: boolean
  hasRights: boolean
}

export type World = {
  nowMs: number
  clusters: Map<string, SimCluster>
  versions: readonly Version[]
  picture: FleetPicture
  /** Pictures on their way to the edges. */
  pictures: { atMs: number; picture: FleetPicture }[]
  calls: number
}

const ordersPerSecond = 40
const oversellsAfterMs = 12_000

export function newWorld(
  names: readonly string[],
  versions: readonly Version[],
  random: () => number,
): World {
  const clusters = names.map((name): [string, SimCluster] => [
    name,
    {
      ...{ name, registration: 'waiting', work: undefined, running: undefined, before: undefined },
      ...{ isUp: true, isConnected: true, isTainted: false, feedback: [], lies: false, hasRights: true },
      ...{ lagMs: 700 + random() * 2_000, startMs: 2_000 + random() * 6_000, inFlight: 0 },
      orders: { taken: 0, failed: 0, slow: 0 },
    },
  ])
  const picture = { revision: 0, epoch: 0, clusters: [] }
  return { ...{ nowMs: 0, clusters: new Map(clusters), versions, picture, pictures: [], calls: 0 } }
}

/** What a world beside this one has a say in. */
export type Beside = {
  /** Whether what it runs cannot become ready there. */
  blocks(cluster: SimCluster): boolean
  /** What becomes of orders at a cluster that serves. */
  takes(name: string): 'takes' | 'fails' | 'nothing'
}

/** One step of everything but the controller. */
export function live(world: World, stepMs: number, beside?: Beside): void {
  world.nowMs += stepMs
  if (beside !== undefined)
    for (const each of world.clusters.values())
      if (each.running !== undefined && beside.blocks(each)) each.running.sinceMs = world.nowMs
  while (world.pictures[0] !== undefined && world.pictures[0].atMs <= world.nowMs)
    world.picture = (world.pictures.shift() as { picture: FleetPicture }).picture
  for (const each of world.clusters.values()) liveCluster(world, each)
  trade(world, stepMs, beside)
}

function liveCluster({ nowMs, versions }: World, cluster: SimCluster): void {
  const { work, running } = cluster
  if (cluster.isConnected && work?.generation !== running?.generation) {
    cluster.before = isReady(cluster, versions, nowMs) ? running?.version : cluster.before
    cluster.running = work === undefined ? undefined : { ...work, sinceMs: nowMs }
    if (work === undefined) cluster.before = undefined
  }
  if (!cluster.isConnected || cluster.running === undefined) return
  const isReadyNow = cluster.lies || isReady(cluster, versions, nowMs)
  const last = cluster.feedback.at(-1)
  if (last?.generation === cluster.running.generation && last.isReady === isReadyNow) return
  cluster.feedback.push({ atMs: nowMs, generation: cluster.running.generation, isReady: isReadyNow })
}

export function isReady(cluster: SimCluster, versions: readonly Version[], nowMs: number): boolean {
  const { running, startMs } = cluster
  if (running === undefined) return false
  const { behaviour } = versions.find(({ version }) => version === running.version) ?? { behaviour: 'well' }
  return behaviour !== 'never-ready' && nowMs - running.sinceMs >= startMs
}

/** A rollout within a cluster keeps old pods until new ones are ready, as the chart's Deployments do. */
export function servesVersion(cluster: SimCluster, world: World): string | undefined {
  if (!cluster.isUp || cluster.running === undefined) return undefined
  return isReady(cluster, world.versions, world.nowMs) ? cluster.running.version : cluster.before
}

function trade(world: World, stepMs: number, beside?: Beside): void {
  const able = world.picture.clusters.filter(({ name, weight }) => {
    const cluster = world.clusters.get(name)
    const isAble = weight > 0 && cluster !== undefined && servesVersion(cluster, world) !== undefined
    return isAble && beside?.takes(name) !== 'nothing'
  })
  const total = able.reduce((sum, { weight }) => sum + weight, 0)
  for (const cluster of world.clusters.values()) cluster.inFlight = Math.max(0, cluster.inFlight - 3)
  for (const { name, weight } of able) {
    const cluster = world.clusters.get(name) as SimCluster
    const orders = Math.round((ordersPerSecond * stepMs * weight) / total / 1_000)
    const version = world.versions.find((each) => each.version === servesVersion(cluster, world))
    const isFailing = beside?.takes(name) === 'fails'
    const failed = isFailing ? orders : version?.behaviour === 'fails-orders' ? orders * 0.05 : 0
    cluster.orders = {
      taken: cluster.orders.taken + orders - failed,
      failed: cluster.orders.failed + failed,
      slow: cluster.orders.slow,
    }
    cluster.inFlight = 4
  }
}

/** What the controller gets to see, as late and as wrong as it is. */
export function view(world: World, broken: Broken): Seen {
  const clusters = new Map([...world.clusters].map(([name, each]) => [name, viewOf(world, each, broken)]))
  const isLate = world.pictures.length > 0
  const followed = broken === 'followed' ? Number.MAX_SAFE_INTEGER : world.picture.revision
  return {
    ...{ clusters, versions: world.versions, demand: ordersPerSecond },
    ...{
      heard: { revision: 0, epoch: 0 },
      kept: new Map(),
      answering: new Set<string>(),
      decided: undefined,
    },
    followed: isLate && broken === 'followed' ? Number.MAX_SAFE_INTEGER : followed,
  }
}

function viewOf(world: World, cluster: SimCluster, broken: Broken): SeenCluster {
  const { nowMs, versions } = world
  const heard = cluster.feedback.filter(({ atMs }) => atMs + cluster.lagMs <= nowMs).at(-1)
  const { work, running } = cluster
  const isCurrent = broken === 'generation' || heard?.generation === work?.generation
  const pictured = world.picture.clusters.some(({ name }) => name === cluster.name)
  const serves = servesVersion(cluster, world) !== undefined
  const behaviour = versions.find(({ version }) => version === running?.version)?.behaviour
  const isSelling = serves && running !== undefined && nowMs - running.sinceMs > oversellsAfterMs
  return {
    ...{ name: cluster.name, registration: cluster.registration, isTainted: cluster.isTainted },
    isAvailable: cluster.isConnected ? true : undefined,
    works: work === undefined ? 0 : 1,
    hasRights: cluster.hasRights,
    requests: [],
    work:
      work === undefined || heard === undefined
        ? undefined
        : { version: work.version, isApplied: isCurrent, isReady: isCurrent && heard.isReady },
    edge: pictured
      ? {
          isUp: broken === 'probes' || serves,
          version: broken === 'probes' || broken === 'generation' ? undefined : servesVersion(cluster, world),
          inFlight: cluster.inFlight,
          orders: cluster.orders,
          ordersPerSecond: undefined,
        }
      : undefined,
    alarms: !cluster.isConnected
      ? undefined
      : behaviour === 'oversells' && isSelling
        ? ['1 title is oversold']
        : [],
  }
}

/** Carries a decision out, as the hub's API would; what goes there may be lost. */
export function carryOut(
  world: World,
  spec: FleetSpec,
  memory: FleetMemory,
  actions: readonly Action[],
  random: () => number,
): void {
  const picture = pictureOf(spec, memory)
  const last = world.pictures.at(-1)?.picture ?? world.picture
  if (picture.revision !== last.revision) {
    world.pictures.push({ atMs: world.nowMs + random() * 2_000, picture })
    world.pictures.sort((a, b) => a.picture.revision - b.picture.revision)
    world.calls++
  }
  for (const action of actions) {
    world.calls++
    if (!('cluster' in action) || random() < 0.02) continue
    const cluster = world.clusters.get(action.cluster)
    if (cluster !== undefined) apply(world, cluster, action)
  }
}

function apply(world: World, cluster: SimCluster, action: Action): void {
  const generation = (cluster.work?.generation ?? Math.round(world.nowMs)) + 1
  if (action.kind === 'accept') cluster.registration = 'accepted'
  if (action.kind === 'refuse') cluster.registration = 'waiting'
  if (action.kind === 'apply') cluster.work = { version: action.version, generation }
  if (action.kind === 'reap') cluster.work = undefined
  if (action.kind === 'taint') cluster.isTainted = true
  if (action.kind === 'untaint') cluster.isTainted = false
  if (action.kind === 'check-rights')
    cluster.hasRights = cluster.registration === 'accepted' || cluster.work !== undefined
}
