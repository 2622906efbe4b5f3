import type { Clock } from '#ports/clock'
import { type KubernetesApi, KubernetesError } from '#ports/kubernetes'
import { logger } from '#ports/log'
import { isBlind } from './decisions/adopt.ts'
import { asOfNow } from './decisions/as-of-now.ts'
import { decide } from './decisions/decide.ts'
import { explain } from './decisions/explain.ts'
import type { Action, FleetMemory, FleetSpec } from './decisions/model.ts'
import { pictureOf } from './decisions/picture.ts'
import type { Alarms } from './hub/alarms.ts'
import { type Caches, openCaches } from './hub/caches.ts'
import { carryOut } from './hub/carry-out.ts'
import type { Edges, EdgesSeen } from './hub/edges.ts'
import { tellEvents } from './hub/events.ts'
import { type BookstoreFleet, memoryOf, mistakesIn, readFleet } from './hub/fleet-object.ts'
import type { Keepers } from './hub/keepers.ts'
import { fleetApi } from './hub/objects.ts'
import type { Placements } from './hub/placements.ts'
import { seenFleet } from './hub/seen.ts'
import type { FleetMetrics } from './metrics.ts'

export type ControllerParts = {
  api: KubernetesApi
  place: { namespace: string; name: string }
  edges: Edges
  keepers: Keepers
  placements: Placements
  alarms: Alarms
  metrics: FleetMetrics
  clock: Clock
}

const log = logger('fleet')
/** Edges and leases change without telling: so often they are looked at. */
const roundEveryMs = 1_000
/** Nobody sells while a database is on its way: each of its steps is seen as soon as it is done. */
const movingRoundEveryMs = 200
const plannedMax = 50
/** What cannot be read for so long after the start is told of. */
const unreadMs = 10_000
const failuresMax = 5
const failureMax = 300
/** Some of what is done is done once a minute. */
const failureMs = 90_000

/**
 * Looks, decides, writes down and acts, again and again, until it has lost its lease. What it means to do is in the
 * fleet's status before it is done, at the version that it was decided on: a controller that was frozen and goes on when
 * another has taken its place cannot write there, and so does nothing more.
 */
export async function control(parts: ControllerParts, lost: AbortSignal): Promise<void> {
  let wake = () => {}
  await using caches = openCaches(parts.api, parts.place, parts.clock, () => wake())
  const known: Known = {
    rights: new Map(),
    failing: new Map(),
    startedMs: parts.clock.monotonicMs(),
    nowMs: hubClock(parts),
  }
  log.info('leads the fleet', parts.place)
  while (!lost.aborted) {
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    try {
      await round(parts, caches, known, lost)
    } catch (error) {
      parts.metrics.failed()
      log.warn('a round failed and is done again', { error })
    }
    // Called off by the loss of the lease.
    const rest = parts.clock
      .sleep(isMoving(caches.fleet()) ? movingRoundEveryMs : roundEveryMs, lost)
      .catch(() => {})
    await Promise.race([rest, woken.then(() => parts.clock.sleep(gatherMs))])
  }
}

/** What this controller has found out since it leads. */
type Known = {
  /** Whether a cluster's certificate still opens anything. */
  rights: Map<string, boolean>
  /** What could not be done lately, for whoever waits for it. */
  failing: Map<string, { text: string; untilMs: number }>
  startedMs: number
  /** The fleet's time. */
  nowMs: () => number
}

/**
 * The hub's clock as it was when it was first looked at, and from then on this machine's that never jumps. Whoever leads next
 * goes on by the same one, whatever his machine's own says: what began under one leader lasts as long under another.
 */
function hubClock({ api, clock }: ControllerParts): () => number {
  let first: { hubMs: number; atMs: number } | undefined
  return () => {
    const atMs = clock.monotonicMs()
    first ??= { hubMs: api.serverMs() ?? clock.now(), atMs }
    return first.hubMs + atMs - first.atMs
  }
}

/** Changes that come together are one round. */
const gatherMs = 200

const isMoving = (fleet: BookstoreFleet | undefined) => {
  const { homes = {}, topology } = fleet?.status?.memory ?? {}
  return [...Object.values(homes), topology].some((each) => each !== undefined && each.step !== 'steady')
}

async function round(parts: ControllerParts, caches: Caches, known: Known, lost: AbortSignal) {
  const fleet = caches.fleet()
  if (fleet === undefined) return
  const { clock, place, metrics } = parts
  const unread = caches.unread()
  if (unread.length > 0) {
    if (clock.monotonicMs() - known.startedMs < unreadMs) return
    metrics.failed()
    return await say(parts, fleet, `the controller cannot read ${unread.join(', ')}; its log says why`)
  }
  const spec = read(fleet)
  if (typeof spec === 'string') return await say(parts, fleet, spec)
  const [edges, alarms, kept, decided] = await Promise.all([
    parts.edges.ask(fleet.spec.edges ?? []),
    parts.alarms.ask(spec.clusters),
    parts.keepers.ask(keepersOf(spec)),
    parts.placements.ask(place.namespace, spec.placement),
  ])
  const before = memoryOf(fleet)
  const nowMs = known.nowMs()
  const { rights } = known
  const seen = seenFleet(caches, place.name, { edges, alarms, rights, kept, decided })
  const { memory, actions } = decide(spec, seen, before, nowMs)
  metrics.round(memory, nowMs)
  if (spec.dryRun)
    return await say(parts, fleet, 'dry run: nothing is done', [
      ...newsIn(before, memory).map(({ text }) => text),
      ...actions.map(told),
    ])
  // What edges go by is not written over by whoever does not know them.
  const picture = isBlind({ memory, seen }) ? fleet.status?.picture : pictureOf(spec, memory)
  const why = explain({ spec: asOfNow(spec, memory, nowMs), seen, memory, nowMs, actions: [] })
  const troubles = [
    ...silentEdges(fleet, edges),
    ...mistakesIn(fleet),
    ...failures(known, clock.monotonicMs()),
  ]
  const isWritten = await write(parts, fleet, { memory, picture, why, troubles }, actions.length > 0)
  if (!isWritten || lost.aborted) return
  const news = newsIn(before, memory)
  for (const { text } of news) log.info(text, { fleet: place.name })
  for (const action of actions) {
    if (lost.aborted) return
    await act(parts, caches, action, known)
  }
  // Last, for nothing waits for it.
  await tellEvents(parts.api, fleet.metadata, news).catch((error: unknown) =>
    noteFailure(known, 'events', error, clock.monotonicMs()),
  )
}

function noteFailure({ failing }: Known, what: string, error: unknown, nowMs: number): void {
  const text = `${what}: ${(error as Error).message}`.slice(0, failureMax)
  failing.set(what, { text, untilMs: nowMs + failureMs })
}

function failures({ failing }: Known, nowMs: number): string[] {
  for (const [what, { untilMs }] of failing) if (untilMs < nowMs) failing.delete(what)
  return [...failing.values()].map(({ text }) => text).slice(0, failuresMax)
}

const newsIn = (before: FleetMemory, { timeline }: FleetMemory) =>
  timeline.filter(
    (each) => !before.timeline.some(({ atMs, text }) => atMs === each.atMs && text === each.text),
  )

/** Drains and roll-outs wait for all of them, and so does whoever has begun one. */
function silentEdges({ spec: { edges = [] } }: BookstoreFleet, { answering }: EdgesSeen): string[] {
  if (edges.length === 0) return ['no edges are named, so no cluster can be found to serve']
  return edges.flatMap((url) =>
    answering.has(url) ? [] : [`the edge at ${url} does not answer: drains and roll-outs wait for it`],
  )
}

const keepersOf = ({ clusters }: FleetSpec) =>
  new Map(clusters.flatMap(({ name, keeper }) => (keeper === undefined ? [] : [[name, keeper.url] as const])))

function read(fleet: BookstoreFleet): FleetSpec | string {
  try {
    return readFleet(fleet)
  } catch (error) {
    // Whoever wrote it finds it in the status; until then everything stays as it is.
    return `the fleet cannot be followed: ${(error as Error).message}`
  }
}

const pathOf = ({ place }: ControllerParts) =>
  `${fleetApi}/namespaces/${place.namespace}/bookstorefleets/${place.name}/status`

/**
 * @param acts whether anything is done by it: then it is written also when it is the same, for what was looked at may be old
 * @returns false when somebody has written it since it was looked at
 */
async function write(
  parts: ControllerParts,
  fleet: BookstoreFleet,
  { memory, ...told }: { memory: FleetMemory; picture: unknown; why: object; troubles: string[] },
  acts: boolean,
): Promise<boolean> {
  const status = {
    ...{ memory, ...told, observedGeneration: fleet.metadata.generation },
    message: memory.topology?.trouble ?? memory.blocked ?? messageOf(memory),
  }
  const { plan: _, ...before } = fleet.status ?? {}
  const isSame = JSON.stringify(before) === JSON.stringify(withoutUndefined(status))
  if (isSame && !acts && fleet.status?.plan === undefined) return true
  try {
    await parts.api.send('PUT', pathOf(parts), { ...fleet, status })
    return true
  } catch (error) {
    if (error instanceof KubernetesError && error.isConflict) return false
    throw error
  }
}

const withoutUndefined = (value: object) => JSON.parse(JSON.stringify(value)) as object

function messageOf({ rollout, clusters }: FleetMemory): string {
  if (rollout !== undefined)
    return `${rollout.cluster}: ${rollout.from} → ${rollout.version}, ${rollout.step}`
  const serving = Object.values(clusters).filter(({ phase }) => phase === 'serving')
  const lost = serving.filter(({ downSinceMs }) => downSinceMs !== undefined).length
  const some = serving.length === 1 ? '1 cluster serves' : `${serving.length} clusters serve`
  return lost === 0 ? some : `${some}, ${lost} of them lost`
}

async function say(
  parts: ControllerParts,
  fleet: BookstoreFleet,
  message: string,
  plan: string[] = [],
): Promise<void> {
  const { generation: observedGeneration } = fleet.metadata
  const status = { ...fleet.status, observedGeneration, message, plan: plan.slice(0, plannedMax) }
  if (JSON.stringify(status) === JSON.stringify(fleet.status)) return
  await parts.api.send('PUT', pathOf(parts), { ...fleet, status })
}

async function act(parts: ControllerParts, caches: Caches, action: Action, known: Known): Promise<void> {
  const { api, place, metrics, keepers, clock } = parts
  const { rights } = known
  try {
    const allowed = await carryOut(
      { api, caches, keepers, fleet: place.name, namespace: place.namespace },
      action,
    )
    metrics.did(action.kind)
    known.failing.delete(nameOf(action))
    // What was found out before it was let in says nothing of what it may do now.
    if (action.kind === 'accept') rights.delete(action.cluster)
    if (action.kind === 'check-rights' && allowed !== undefined) rights.set(action.cluster, allowed)
    // What anybody may ask about who let whom in is in the log, one line for each action.
    else log.info('did', { audit: true, ...action })
  } catch (error) {
    metrics.failed()
    log.warn('could not do something, and tries again', { ...action, error })
    const isOld = error instanceof KubernetesError && error.isConflict
    if (!isOld) noteFailure(known, nameOf(action), error, clock.monotonicMs())
  }
}

/** Without what it tells: a token is nobody else's. */
const nameOf = (action: Action) => ('cluster' in action ? `${action.kind} ${action.cluster}` : action.kind)

/** Without times: a plan that says the same is not written anew every second. */
const told = (action: Action) =>
  Object.entries(action)
    .filter(([name]) => !name.endsWith('Ms'))
    .map(([name, value]) => (name === 'kind' ? value : `${name}=${wordsOf(value)}`))
    .join(' ')

const wordsOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
