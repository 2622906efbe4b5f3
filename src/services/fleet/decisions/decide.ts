import { admit, certificateSecondsMax, missingApproval } from './admission.ts'
import { keepDns } from './dns.ts'
import { heedEdges, isHome, keepHomes } from './homes.ts'
import type { Action, ClusterMemory, ClusterSpec, FleetMemory, FleetSpec, Seen } from './model.ts'
import { byRing, chosen, replaceAfterMs, restMs, wantedCount } from './placing.ts'
import { isThere, roll } from './roll.ts'
import { change, enter, fullWeight, isFollowed, look, note, type Round, serving, stateOf } from './round.ts'
import { keepScores } from './scores.ts'
import { epochOf, homesToServe, isEnding, keepTopology, revokeWaitMs } from './topologies.ts'

/** What is on its way to a cluster that is taken out is waited for, and then given up. */
const drainLimitMs = 60_000

export type Decision = { memory: FleetMemory; actions: readonly Action[] }

/**
 * Decides what to do next. Pure: the same fleet, the same view and the same memory give the same decision, so a
 * controller that died goes on where it was, and one that decides twice does nothing twice.
 */
export function decide(spec: FleetSpec, seen: Seen, memory: FleetMemory, nowMs: number): Decision {
  const round: Round = { spec, seen, nowMs, memory, actions: [] }
  const isPutBack = heedEdges(round)
  noteDowns(round)
  keepHomes(round)
  keepTopology(round, isPutBack)
  keepDns(round)
  // What takes rights away waits for nothing.
  for (const each of spec.clusters) if (each.intent === 'revoke') revoke(round, each)
  const named = new Set(spec.clusters.map(({ name }) => name))
  const known = new Set([...seen.clusters.keys(), ...Object.keys(memory.clusters)])
  for (const name of known) if (!named.has(name)) shutOut(round, name)
  if (spec.paused) {
    tellTurn(round)
    return { memory: round.memory, actions: round.actions }
  }
  for (const each of spec.clusters) if (each.intent !== 'revoke') letIn(round, each)
  place(round)
  roll(round)
  keepWork(round)
  keepScores(round)
  return { memory: round.memory, actions: round.actions }
}

function noteDowns(round: Round): void {
  const { nowMs, spec } = round
  const { readyLimitMs } = spec.rollout
  for (const name of Object.keys(round.memory.clusters)) {
    const { edge } = look(round, name) ?? {}
    const { phase, sinceMs, downSinceMs } = stateOf(round, name)
    const isLate = phase === 'joining' && nowMs - sinceMs >= readyLimitMs
    const isDown = isLate || (phase === 'serving' && edge?.isUp === false)
    if (isDown === (downSinceMs !== undefined)) continue
    if (phase === 'serving' && edge === undefined) continue
    if (isLate) note(round, `${name}: not ready after ${readyLimitMs / 1_000} s`)
    else if (phase === 'serving')
      note(round, isDown ? `${name}: lost, as the edges see it` : `${name}: there again`)
    const wasReplaced = phase === 'serving' && nowMs - (downSinceMs ?? nowMs) >= replaceAfterMs
    change(round, name, {
      downSinceMs: isDown ? nowMs : undefined,
      ...(wasReplaced && { restsUntilMs: nowMs + restMs }),
    })
  }
}

/**
 * Takes everything a cluster may do: traffic at once, then its acceptance and its works. Its rights on works outlast its
 * acceptance while there is one, so it counts as revoked only when the hub says that they are gone.
 */
function revoke(round: Round, { name }: ClusterSpec): void {
  const seen = look(round, name)
  const { phase } = stateOf(round, name)
  if (phase !== 'revoking' && phase !== 'revoked') enter(round, name, 'revoking', withNothing(round, name))
  if (seen === undefined) return
  for (const { name: request } of seen.requests)
    round.actions.push({ kind: 'deny', request, why: `${name} is revoked` })
  // Without its works nobody could tell it to end its primaries.
  const { phase: now, sinceMs } = stateOf(round, name)
  if (now === 'revoking' && isEnding(round, name) && round.nowMs - sinceMs < revokeWaitMs) return
  if (seen.registration === 'accepted') round.actions.push({ kind: 'refuse', cluster: name })
  if (seen.works > 0) round.actions.push({ kind: 'reap', cluster: name })
  if (phase === 'revoked' && seen.registration !== 'accepted' && seen.works === 0) return
  if (seen.hasRights === false && seen.works === 0) enter(round, name, 'revoked')
  else round.actions.push({ kind: 'check-rights', cluster: name })
}

/** The key that it came with is good for nothing any more. */
function withNothing(round: Round, name: string): Partial<ClusterMemory> {
  const { key, revokedKeys } = stateOf(round, name)
  const keys = key === '' ? revokedKeys : [...new Set([...revokedKeys, key])]
  return { weight: 0, version: undefined, key: '', revokedKeys: keys }
}

/** Nobody has named it: it gets no answer, and what it was given before is taken back. */
function shutOut(round: Round, name: string): void {
  const seen = look(round, name)
  if (round.memory.clusters[name] !== undefined && stateOf(round, name).phase !== 'revoked')
    enter(round, name, 'revoked', withNothing(round, name))
  if (seen === undefined) return
  for (const { name: request } of seen.requests)
    round.actions.push({ kind: 'deny', request, why: `${name} is no cluster of this fleet` })
  if (seen.registration === 'accepted') round.actions.push({ kind: 'refuse', cluster: name })
  if (seen.works > 0) round.actions.push({ kind: 'reap', cluster: name })
}

function letIn(round: Round, spec: ClusterSpec): void {
  const seen = look(round, spec.name)
  const state = stateOf(round, spec.name)
  if (state.phase === 'revoked' || state.phase === 'revoking') {
    // It has to come with another key, which somebody names, and not before its old certificate, which would open
    // everything again at once, has run out.
    if (spec.key === '' || state.revokedKeys.includes(spec.key)) return
    const fromMs = state.sinceMs + certificateSecondsMax * 1_000
    if (round.nowMs < fromMs) {
      noteOnce(round, `${spec.name}: comes back at ${isoOf(fromMs)}, when its old certificate has run out`)
      return
    }
    enter(round, spec.name, 'out')
  }
  if (seen === undefined) return
  const { actions, key } = admit(spec, seen, stateOf(round, spec.name))
  round.actions.push(...actions)
  if (key !== state.key) change(round, spec.name, { key })
}

const isoOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`

function noteOnce(round: Round, text: string): void {
  if (!round.memory.timeline.some((each) => each.text === text)) note(round, text)
}

/** Gives work to the clusters that should have it, and takes it from others once they are not needed any more. */
function place(round: Round): void {
  const { spec, seen, nowMs } = round
  const wanted = wantedCount(spec, seen.demand, round.memory.wanted, nowMs)
  if (wanted.count !== round.memory.wanted.count) note(round, `${wanted.count} clusters are wanted`)
  round.memory = { ...round.memory, wanted }
  const names = new Set([...chosen(spec, seen, round.memory, wanted.count, nowMs), ...homesToServe(round)])
  for (const each of byRing(spec.clusters)) {
    const { name } = each
    const { phase } = stateOf(round, name)
    const isChosen = names.has(name) && missingApproval(each) === undefined
    if (phase === 'out' && isChosen) begin(round, name)
    // No reader has come to one that has not joined.
    else if (phase === 'joining' && !names.has(name)) enter(round, name, 'out', { version: undefined })
    else if (phase === 'joining') join(round, name)
    else if (phase === 'serving' && !names.has(name)) leave(round, name, names)
    else if (phase === 'draining') drain(round, name)
    else if (phase === 'serving') restore(round, name)
  }
}

/** A rollout that was given up half-way leaves no cluster with less than its share. */
function restore(round: Round, name: string): void {
  const { rollout, bad } = round.memory
  const { version = '', weight } = stateOf(round, name)
  if (weight === fullWeight || rollout !== undefined || bad[version] !== undefined) return
  if (isThere(look(round, name), version)) change(round, name, { weight: fullWeight })
}

function begin(round: Round, name: string): void {
  const { goodVersion, rollout } = round.memory
  const version = goodVersion ?? rollout?.from ?? round.spec.version
  if (!round.seen.versions.some((each) => each.version === version)) return
  if (look(round, name)?.isTainted) round.actions.push({ kind: 'untaint', cluster: name })
  enter(round, name, 'joining', { version, weight: 0 })
}

function join(round: Round, name: string): void {
  // An edge that finds it up follows a picture that has it.
  if (isThere(look(round, name), stateOf(round, name).version))
    enter(round, name, 'serving', { weight: fullWeight })
}

/** Makes before it breaks: whoever comes instead serves first, and only one leaves at a time. */
function leave(round: Round, name: string, names: ReadonlySet<string>): void {
  const others = serving(round, name)
  const isAnotherLeaving = Object.values(round.memory.clusters).some(({ phase }) => phase === 'draining')
  const isMadeUp = [...names].every((each) => stateOf(round, each).phase === 'serving')
  if (others.length === 0 || (others.length < round.spec.clustersMin && !isMadeUp)) {
    noteOnce(round, `${name}: is let go when another cluster serves in its place`)
    return
  }
  if (isAnotherLeaving) return
  // Its databases move first: what writes goes on meanwhile.
  if (isHome(round, name)) return
  const { rollout } = round.memory
  if (rollout?.cluster === name && rollout.step !== 'rolling-back')
    round.memory = { ...round.memory, rollout: undefined }
  enter(round, name, 'draining', { weight: 0 })
}

function drain(round: Round, name: string): void {
  const seen = look(round, name)
  const { sinceMs } = stateOf(round, name)
  const isEmpty = seen?.edge !== undefined && seen.edge.inFlight === 0 && isFollowed(round)
  const isLate = round.nowMs - sinceMs >= drainLimitMs
  if (!isEmpty && !(isLate && isFollowed(round))) return
  if (serving(round, name).length === 0) return
  round.actions.push({ kind: 'taint', cluster: name })
  enter(round, name, 'out', { version: undefined })
}

/** What a cluster has is made what it should have. */
function keepWork(round: Round): void {
  for (const { name } of round.spec.clusters) {
    const seen = look(round, name)
    const { version, phase } = stateOf(round, name)
    if (seen === undefined || phase === 'revoking' || phase === 'revoked') continue
    const epoch = epochOf(round, name)
    const isAsMeant = seen.work?.version === version && (seen.work?.epoch ?? epoch) === epoch
    if (version !== undefined && seen.registration === 'accepted' && !isAsMeant)
      round.actions.push({ kind: 'apply', cluster: name, version, epoch })
    const keepsDatabases = seen.databases !== undefined && isMember(round, name)
    if (version === undefined && seen.works > Number(keepsDatabases))
      round.actions.push({ kind: 'reap', cluster: name, ...(keepsDatabases && { keepsDatabases }) })
  }
}

/** A turn that begins while the fleet is paused comes to its clusters: whoever has not heard of it takes no changes. */
function tellTurn(round: Round): void {
  for (const { name } of round.spec.clusters) {
    const { registration, work } = look(round, name) ?? {}
    const { version, phase } = stateOf(round, name)
    const epoch = epochOf(round, name)
    const isBehind = work?.version === version && work?.epoch !== undefined && work.epoch < epoch
    if (version === undefined || registration !== 'accepted' || phase === 'revoking' || !isBehind) continue
    round.actions.push({ kind: 'apply', cluster: name, version, epoch })
  }
}

/** Its databases are copied to whether it sells or not. */
const isMember = ({ spec }: Round, name: string): boolean =>
  spec.databases?.operator?.clusters.includes(name) === true
