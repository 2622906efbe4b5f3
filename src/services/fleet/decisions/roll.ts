import { judge } from './judge.ts'
import type { OrderCounts, Rollout, SeenCluster, VersionRecord } from './model.ts'
import { byRing } from './placing.ts'
import {
  canaryWeight,
  change,
  fullWeight,
  isFollowed,
  look,
  note,
  type Round,
  serving,
  stateOf,
} from './round.ts'
import { migrated, schemaFault } from './schema-guard.ts'
import { areDatabasesSteady } from './steady.ts'
import { firstAtHome } from './topologies.ts'

/** A cluster with a new version that edges find down for so long has failed, whatever it says of itself. */
const downLimitMs = 15_000
/** That databases are lost is seen by then. */
const databasesDoubtMs = 5_000
/** One in so many clusters is brought back at once. */
const backAtOnce = 4
const nothing: OrderCounts = { taken: 0, failed: 0, slow: 0 }

/** Moves the fleet to its wanted version, one cluster at a time, and back when the version is judged bad. */
export function roll(round: Round): void {
  const { rollout } = round.memory
  if (rollout === undefined) forgive(round)
  if (rollout === undefined) beginNext(round)
  else if (rollout.step === 'rolling-back') rollBack(round, rollout)
  else if (round.spec.version !== rollout.version)
    turnBack(round, rollout, `${round.spec.version} is wanted instead`)
  else go(round, rollout)
}

/** What made it fail may have been something else, and somebody says that this is over. */
function forgive(round: Round): void {
  const { version, rollout } = round.spec
  const { [version]: why, ...bad } = round.memory.bad
  if (why === undefined || rollout.again !== (round.memory.badAt?.[version] ?? 0)) return
  note(round, `${version} is tried again`)
  round.memory = { ...round.memory, bad }
}

function beginNext(round: Round): void {
  const { spec, memory } = round
  const members = byRing(spec.clusters).filter(({ name }) => stateOf(round, name).phase === 'serving')
  // One that does not become ready holds nothing up.
  const isMoving = Object.values(memory.clusters).some(
    ({ phase, downSinceMs }) => (phase === 'joining' && downSinceMs === undefined) || phase === 'draining',
  )
  if (members.length === 0) return
  const next = members.find(({ name }) => stateOf(round, name).version !== spec.version)
  if (next === undefined) {
    if (memory.goodVersion === spec.version) {
      round.memory = { ...memory, blocked: undefined }
      return
    }
    round.memory = { ...memory, goodVersion: spec.version, blocked: undefined }
    note(round, `${spec.version} is everywhere, and judged well`)
    return
  }
  const cluster = firstAtHome(round) ?? next.name
  const why = faultOfNext(round, cluster)
  if (why !== memory.blocked) {
    round.memory = { ...round.memory, blocked: why }
    if (why !== undefined) note(round, `${spec.version} is not rolled out: ${why}`)
  }
  if (why !== undefined || isMoving) return
  const from = stateOf(round, cluster).version ?? spec.version
  note(round, `${cluster}: from ${from} to ${spec.version}`)
  change(round, cluster, { weight: serving(round, cluster).length > 0 ? canaryWeight(spec) : fullWeight })
  round.memory = {
    ...round.memory,
    rollout: {
      ...{ version: spec.version, from, cluster, step: 'lowering', sinceMs: round.nowMs },
      ...{ revision: round.memory.revision, base: nothing, alarms: alarmsOf(round) },
    },
  }
}

function faultOfNext(round: Round, cluster: string): string | undefined {
  const { spec, memory } = round
  const bad = memory.bad[spec.version]
  if (bad !== undefined) return `it was rolled back: ${bad}`
  const wanted = recordOf(round, spec.version)
  if (wanted === undefined) return 'nobody has made it known'
  if (cluster === firstAtHome(round)) {
    const first = `it comes first to ${cluster}, where the databases are`
    if (memory.topology?.step !== 'steady') return `${first}, and they are on their way`
    if (stateOf(round, cluster).phase !== 'serving') return `${first}, and that does not serve`
  }
  return schemaFault(wanted, memory.schemas, others(round, cluster, spec.version)) ?? unrest(round, cluster)
}

/** What other clusters run, besides the version itself. */
function others(round: Round, cluster: string, version: string): VersionRecord[] {
  const names = new Set(
    Object.entries(round.memory.clusters)
      .filter(([name, state]) => name !== cluster && state.version !== undefined)
      .map(([, state]) => state.version as string),
  )
  names.delete(version)
  return round.seen.versions.filter((each) => names.has(each.version))
}

/** Nothing is begun while a cluster is lost, nor at one that is. */
function unrest(round: Round, cluster: string): string | undefined {
  const members = Object.entries(round.memory.clusters).filter(([, { phase }]) => phase === 'serving')
  const lost = members.find(([name]) => look(round, name)?.edge?.isUp !== true)
  if (lost !== undefined) return `edges do not find ${lost[0]} up`
  return look(round, cluster)?.isAvailable === true ? undefined : `the hub does not hear of ${cluster}`
}

function go(round: Round, rollout: Rollout): void {
  const { cluster, step } = rollout
  if (stateOf(round, cluster).phase !== 'serving') {
    round.memory = { ...round.memory, rollout: undefined }
    return
  }
  const elsewhere = newAlarm(round, rollout)
  if (elsewhere !== undefined) turnBack(round, rollout, elsewhere)
  else if (step === 'lowering') lower(round, rollout)
  else if (step === 'placing') put(round, rollout)
  else soak(round, rollout)
}

/** The cluster gets the version once every edge sends it no more than the canary's share. */
function lower(round: Round, rollout: Rollout): void {
  const record = recordOf(round, rollout.version)
  if (!isFollowed(round, rollout.revision) || record === undefined) return
  round.memory = { ...round.memory, schemas: migrated(round.memory.schemas, record) }
  change(round, rollout.cluster, { version: rollout.version })
  proceed(round, rollout, 'placing')
}

function put(round: Round, rollout: Rollout): void {
  const { readyLimitMs } = round.spec.rollout
  const seen = look(round, rollout.cluster)
  // Counted from a moment when every edge says what it has counted.
  if (isThere(seen, rollout.version) && isFollowed(round, rollout.revision))
    proceed(round, { ...rollout, base: seen?.edge?.orders ?? nothing }, 'soaking')
  else if (round.nowMs - rollout.sinceMs > readyLimitMs)
    turnBack(round, rollout, `it was not ready within ${readyLimitMs / 1000} s`)
}

/** Counted from the moment when the version was ready: what it was before says nothing of it. */
function soak(round: Round, rollout: Rollout): void {
  const { cluster, version, base, sinceMs } = rollout
  const seen = look(round, cluster)
  const { downSinceMs } = stateOf(round, cluster)
  if (downSinceMs !== undefined && round.nowMs - downSinceMs > downLimitMs)
    turnBack(round, rollout, 'its cluster does not answer the edges')
  else if (!areDatabasesSteady(round)) {
    if (!rollout.isDisturbed) remember(round, { ...rollout, isDisturbed: true })
  } else if (seen !== undefined && isThere(seen, version)) {
    const { alarms, edge } = seen
    if (rollout.isDisturbed) {
      soakAgain(round, rollout, 'the databases are steady again')
      return
    }
    if (isBehind(edge?.orders ?? nothing, base)) {
      soakAgain(round, rollout, 'edges count anew')
      return
    }
    sayUnread(round, cluster, alarms === undefined)
    // New ones have been looked at already.
    const judgement = judge(
      { ...seen, alarms: alarms && [] },
      base,
      round.nowMs - sinceMs,
      round.spec.rollout,
    )
    if (judgement.kind === 'bad') doubt(round, rollout, judgement.why)
    if (judgement.kind !== 'good') return
    note(round, `${cluster}: ${version} is judged well`)
    change(round, cluster, { weight: fullWeight })
    round.memory = { ...round.memory, rollout: undefined }
  }
}

const isBehind = (orders: OrderCounts, base: OrderCounts): boolean =>
  (['taken', 'failed', 'slow'] as const).some((what) => orders[what] < base[what])

/** What the soak began with says nothing any more. Nothing is judged until all edges answer. */
function soakAgain(round: Round, rollout: Rollout, why: string): void {
  if (!isFollowed(round, rollout.revision)) return
  note(round, `${rollout.cluster}: ${why}, and its soak begins anew`)
  const base = look(round, rollout.cluster)?.edge?.orders ?? nothing
  proceed(round, { ...rollout, base, isDisturbed: undefined, badSinceMs: undefined }, 'soaking')
}

/** Orders fail as soon as databases are lost, and it is seen a little later: then they were no fault of the version. */
function doubt(round: Round, rollout: Rollout, why: string): void {
  const { badSinceMs = round.nowMs } = rollout
  const { homes, topology } = round.memory
  const doubtMs = topology === undefined && Object.keys(homes).length === 0 ? 0 : databasesDoubtMs
  if (round.nowMs - badSinceMs >= doubtMs) turnBack(round, rollout, why)
  else if (rollout.badSinceMs === undefined) remember(round, { ...rollout, badSinceMs })
}

/** Whoever waits for the judgement should know why there is none. */
function sayUnread(round: Round, cluster: string, isUnread: boolean): void {
  const why = isUnread ? `the numbers of ${cluster} cannot be read` : undefined
  if (why === round.memory.blocked) return
  round.memory = { ...round.memory, blocked: why }
  if (why !== undefined) note(round, `${cluster}: nothing is judged there, for ${why}`)
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
function newAlarm(round: Round, { version, alarms }: Rollout): string | undefined {
  for (const [name, state] of Object.entries(round.memory.clusters)) {
    if (state.version !== version || state.phase !== 'serving') continue
    const alarm = look(round, name)?.alarms?.find((each) => !alarms.includes(each))
    if (alarm !== undefined) return `${name}: ${alarm}`
  }
  return undefined
}

const alarmsOf = ({ seen }: Round): string[] => [
  ...new Set([...seen.clusters.values()].flatMap(({ alarms }) => alarms ?? [])),
]

function proceed(round: Round, rollout: Rollout, step: Rollout['step']): void {
  remember(round, { ...rollout, step, sinceMs: round.nowMs })
}

function remember(round: Round, rollout: Rollout): void {
  round.memory = { ...round.memory, rollout }
}

/** Takes readers off a version that is not wanted any more, and brings the last good one back wherever it has come. */
function turnBack(round: Round, rollout: Rollout, why: string): void {
  const { version, from, cluster } = rollout
  const record = recordOf(round, from)
  const fault =
    record === undefined ? 'nobody knows it any more' : schemaFault(record, round.memory.schemas, [])
  const isUnwanted = round.spec.version !== version
  const { bad, badAt, revision } = round.memory
  if (!isUnwanted)
    round.memory = {
      ...round.memory,
      bad: { ...bad, [version]: why },
      badAt: { ...badAt, [version]: revision },
    }
  if (fault !== undefined) {
    note(round, `${version} is bad (${why}), and cannot be rolled back: ${fault}`)
    round.memory = { ...round.memory, rollout: undefined, blocked: fault }
    if (serving(round, cluster).length > 0) change(round, cluster, { weight: 0 })
    return
  }
  note(round, `${version} is rolled back to ${from}: ${why}`)
  bringBack(round, cluster, from)
  proceed(round, rollout, 'rolling-back')
}

/** Its readers go elsewhere first, if there is anybody else. */
function bringBack(round: Round, name: string, version: string): void {
  change(round, name, { version, weight: serving(round, name).length > 0 ? 0 : fullWeight })
}

/**
 * The cluster where it showed is brought back at once, the others that have the version a few at a time: bringing all of them
 * back together would leave nobody to sell.
 */
function rollBack(round: Round, { version, from, cluster }: Rollout): void {
  const members = Object.entries(round.memory.clusters).filter(([, { phase }]) => phase === 'serving')
  const struck = members.filter(([, state]) => state.version === version)
  let moving = 0
  for (const [name, state] of members) {
    if (state.version !== from) continue
    const isReady = isThere(look(round, name), from)
    if (isReady && state.weight === 0) change(round, name, { weight: fullWeight })
    // One that is lost for another reason holds nothing up.
    if (!isReady && (state.weight === 0 || name === cluster)) moving++
  }
  const atOnce = Math.max(1, Math.floor(members.length / backAtOnce))
  for (const [name] of struck.slice(0, Math.max(0, atOnce - moving))) bringBack(round, name, from)
  if (struck.length > 0 || moving > 0) return
  note(round, `${from} is back everywhere`)
  round.memory = { ...round.memory, rollout: undefined }
}

const recordOf = ({ seen }: Round, version: string): VersionRecord | undefined =>
  seen.versions.find((each) => each.version === version)
