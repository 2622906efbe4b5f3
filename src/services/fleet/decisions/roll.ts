import { judge } from './judge.ts'
import type { OrderCounts, Rollout, SeenCluster, VersionRecord } from './model.ts'
import { byRing } from './placing.ts'
import { migrated, schemaFault } from './schema-guard.ts'
import {
  canaryWeight,
  change,
  fullWeight,
  isFollowed,
  look,
  note,
  serving,
  stateOf,
  type Turn,
} from './turn.ts'

/** A cluster with a new version that edges find down for so long has failed, whatever it says of itself. */
const downLimitMs = 15_000
/** One in so many clusters is brought back at once. */
const backAtOnce = 4
const nothing: OrderCounts = { taken: 0, failed: 0, slow: 0 }

/** Moves the fleet to its wanted version, one cluster at a time, and back when the version is judged bad. */
export function roll(turn: Turn): void {
  const { rollout } = turn.memory
  if (rollout === undefined) beginNext(turn)
  else if (rollout.step === 'rolling-back') rollBack(turn, rollout)
  else if (turn.spec.version !== rollout.version)
    turnBack(turn, rollout, `${turn.spec.version} is wanted instead`)
  else go(turn, rollout)
}

function beginNext(turn: Turn): void {
  const { spec, memory } = turn
  const members = byRing(spec.clusters).filter(({ name }) => stateOf(turn, name).phase === 'serving')
  const isMoving = Object.values(memory.clusters).some(
    ({ phase }) => phase === 'joining' || phase === 'draining',
  )
  if (members.length === 0) return
  const next = members.find(({ name }) => stateOf(turn, name).version !== spec.version)
  if (next === undefined) {
    if (memory.goodVersion === spec.version) {
      turn.memory = { ...memory, blocked: undefined }
      return
    }
    turn.memory = { ...memory, goodVersion: spec.version, blocked: undefined }
    note(turn, `${spec.version} is everywhere, and judged well`)
    return
  }
  const why = faultOfNext(turn, next.name)
  if (why !== memory.blocked) {
    turn.memory = { ...turn.memory, blocked: why }
    if (why !== undefined) note(turn, `${spec.version} is not rolled out: ${why}`)
  }
  if (why !== undefined || isMoving || !isCalm(turn, next.name)) return
  const from = stateOf(turn, next.name).version ?? spec.version
  note(turn, `${next.name}: from ${from} to ${spec.version}`)
  change(turn, next.name, { weight: serving(turn, next.name).length > 0 ? canaryWeight(spec) : fullWeight })
  turn.memory = {
    ...turn.memory,
    rollout: {
      ...{ version: spec.version, from, cluster: next.name, step: 'lowering', sinceMs: turn.nowMs },
      ...{ revision: turn.memory.revision, base: nothing, alarms: alarmsOf(turn) },
    },
  }
}

function faultOfNext(turn: Turn, cluster: string): string | undefined {
  const { spec, memory } = turn
  const bad = memory.bad[spec.version]
  if (bad !== undefined) return `it was rolled back: ${bad}`
  const wanted = recordOf(turn, spec.version)
  if (wanted === undefined) return 'nobody has made it known'
  return schemaFault(wanted, memory.schemas, others(turn, cluster, spec.version))
}

/** What other clusters run, besides the version itself. */
function others(turn: Turn, cluster: string, version: string): VersionRecord[] {
  const names = new Set(
    Object.entries(turn.memory.clusters)
      .filter(([name, state]) => name !== cluster && state.version !== undefined)
      .map(([, state]) => state.version as string),
  )
  names.delete(version)
  return turn.seen.versions.filter((each) => names.has(each.version))
}

/** Nothing is begun while a cluster is lost, nor at one that is. */
function isCalm(turn: Turn, cluster: string): boolean {
  const members = Object.entries(turn.memory.clusters).filter(([, { phase }]) => phase === 'serving')
  const isUp = (name: string) => look(turn, name)?.edge?.isUp === true
  return members.every(([name]) => isUp(name)) && look(turn, cluster)?.isAvailable === true
}

function go(turn: Turn, rollout: Rollout): void {
  const { cluster, step } = rollout
  if (stateOf(turn, cluster).phase !== 'serving') {
    turn.memory = { ...turn.memory, rollout: undefined }
    return
  }
  const elsewhere = newAlarm(turn, rollout)
  if (elsewhere !== undefined) turnBack(turn, rollout, elsewhere)
  else if (step === 'lowering') lower(turn, rollout)
  else if (step === 'placing') put(turn, rollout)
  else soak(turn, rollout)
}

/** The cluster gets the version once every edge sends it no more than the canary's share. */
function lower(turn: Turn, rollout: Rollout): void {
  const record = recordOf(turn, rollout.version)
  if (!isFollowed(turn, rollout.revision) || record === undefined) return
  turn.memory = { ...turn.memory, schemas: migrated(turn.memory.schemas, record) }
  change(turn, rollout.cluster, { version: rollout.version })
  proceed(turn, rollout, 'placing')
}

function put(turn: Turn, rollout: Rollout): void {
  const { readyLimitMs } = turn.spec.rollout
  const seen = look(turn, rollout.cluster)
  if (isThere(seen, rollout.version))
    proceed(turn, { ...rollout, base: seen?.edge?.orders ?? nothing }, 'soaking')
  else if (turn.nowMs - rollout.sinceMs > readyLimitMs)
    turnBack(turn, rollout, `it was not ready within ${readyLimitMs / 1000} s`)
}

/** Counted from the moment when the version was ready: what it was before says nothing of it. */
function soak(turn: Turn, rollout: Rollout): void {
  const { cluster, version, base, sinceMs } = rollout
  const seen = look(turn, cluster)
  const { downSinceMs } = stateOf(turn, cluster)
  if (downSinceMs !== undefined && turn.nowMs - downSinceMs > downLimitMs)
    turnBack(turn, rollout, 'its cluster does not answer the edges')
  else if (seen !== undefined && isThere(seen, version)) {
    const { alarms } = seen
    sayUnread(turn, cluster, alarms === undefined)
    // New ones have been looked at already.
    const judgement = judge({ ...seen, alarms: alarms && [] }, base, turn.nowMs - sinceMs, turn.spec.rollout)
    if (judgement.kind === 'bad') turnBack(turn, rollout, judgement.why)
    if (judgement.kind !== 'good') return
    note(turn, `${cluster}: ${version} is judged well`)
    change(turn, cluster, { weight: fullWeight })
    turn.memory = { ...turn.memory, rollout: undefined }
  }
}

/** Whoever waits for the judgement should know why there is none. */
function sayUnread(turn: Turn, cluster: string, isUnread: boolean): void {
  const why = isUnread ? `the numbers of ${cluster} cannot be read` : undefined
  if (why === turn.memory.blocked) return
  turn.memory = { ...turn.memory, blocked: why }
  if (why !== undefined) note(turn, `${cluster}: nothing is judged there, for ${why}`)
}

/**
 * The work is of this version, at this generation, and what answers there is of it too: no one of these says it alone. A
 * cluster that only says that it is ready may still be answering with the version before.
 */
export const isThere = (seen: SeenCluster | undefined, version: string | undefined): boolean =>
  version !== undefined &&
  seen?.work?.version === version &&
  seen.work.isApplied &&
  seen.work.isReady &&
  seen.edge?.isUp === true &&
  (seen.edge.version === undefined || seen.edge.version === version)

/** What a version does to the business may show only after its soak, and anywhere. */
function newAlarm(turn: Turn, { version, alarms }: Rollout): string | undefined {
  for (const [name, state] of Object.entries(turn.memory.clusters)) {
    if (state.version !== version || state.phase !== 'serving') continue
    const alarm = look(turn, name)?.alarms?.find((each) => !alarms.includes(each))
    if (alarm !== undefined) return `${name}: ${alarm}`
  }
  return undefined
}

const alarmsOf = ({ seen }: Turn): string[] => [
  ...new Set([...seen.clusters.values()].flatMap(({ alarms }) => alarms ?? [])),
]

function proceed(turn: Turn, rollout: Rollout, step: Rollout['step']): void {
  turn.memory = { ...turn.memory, rollout: { ...rollout, step, sinceMs: turn.nowMs } }
}

/** Takes readers off a version that is not wanted any more, and brings the last good one back wherever it has come. */
function turnBack(turn: Turn, rollout: Rollout, why: string): void {
  const { version, from, cluster } = rollout
  const record = recordOf(turn, from)
  const fault =
    record === undefined ? 'nobody knows it any more' : schemaFault(record, turn.memory.schemas, [])
  const isUnwanted = turn.spec.version !== version
  if (!isUnwanted) turn.memory = { ...turn.memory, bad: { ...turn.memory.bad, [version]: why } }
  if (fault !== undefined) {
    note(turn, `${version} is bad (${why}), and cannot be rolled back: ${fault}`)
    turn.memory = { ...turn.memory, rollout: undefined, blocked: fault }
    if (serving(turn, cluster).length > 0) change(turn, cluster, { weight: 0 })
    return
  }
  note(turn, `${version} is rolled back to ${from}: ${why}`)
  bringBack(turn, cluster, from)
  proceed(turn, rollout, 'rolling-back')
}

/** Its readers go elsewhere first, if there is anybody else. */
function bringBack(turn: Turn, name: string, version: string): void {
  change(turn, name, { version, weight: serving(turn, name).length > 0 ? 0 : fullWeight })
}

/**
 * The cluster where it showed is brought back at once, the others that have the version a few at a time: bringing all of them
 * back together would leave nobody to sell.
 */
function rollBack(turn: Turn, { version, from, cluster }: Rollout): void {
  const members = Object.entries(turn.memory.clusters).filter(([, { phase }]) => phase === 'serving')
  const struck = members.filter(([, state]) => state.version === version)
  let moving = 0
  for (const [name, state] of members) {
    if (state.version !== from) continue
    const isReady = isThere(look(turn, name), from)
    if (isReady && state.weight === 0) change(turn, name, { weight: fullWeight })
    // One that is lost for another reason holds nothing up.
    if (!isReady && (state.weight === 0 || name === cluster)) moving++
  }
  const atOnce = Math.max(1, Math.floor(members.length / backAtOnce))
  for (const [name] of struck.slice(0, Math.max(0, atOnce - moving))) bringBack(turn, name, from)
  if (struck.length > 0 || moving > 0) return
  note(turn, `${from} is back everywhere`)
  turn.memory = { ...turn.memory, rollout: undefined }
}

const recordOf = ({ seen }: Turn, version: string): VersionRecord | undefined =>
  seen.versions.find((each) => each.version === version)
