import { admit, certificateSecondsMax } from './admission.ts'
import { adopt, isBlind } from './adopt.ts'
import { asOfNow, rememberUrls } from './as-of-now.ts'
import { keepDns } from './dns.ts'
import { heedEdges, keepHomes } from './homes.ts'
import { place } from './members.ts'
import type { Action, ClusterMemory, ClusterSpec, FleetMemory, FleetSpec, Seen } from './model.ts'
import { notAhead } from './not-ahead.ts'
import { replaceAfterMs, restMs } from './placing.ts'
import { roll } from './roll.ts'
import { change, enter, isoOf, look, note, noteOnce, type Round, stateOf } from './round.ts'
import { keepScores } from './scores.ts'
import { epochOf, isEnding, keepTopology, revokeWaitMs } from './topologies.ts'

export type Decision = { memory: FleetMemory; actions: readonly Action[] }

/**
 * Decides what to do next. Pure: the same fleet, the same view and the same memory give the same decision, so a
 * controller that died goes on where it was, and one that decides twice does nothing twice.
 */
export function decide(named: FleetSpec, seen: Seen, remembered: FleetMemory, nowMs: number): Decision {
  const memory = notAhead(remembered, nowMs)
  const spec = asOfNow(named, memory, nowMs)
  const round: Round = { spec, seen, nowMs, memory, actions: [] }
  const isPutBack = heedEdges(round)
  adopt(round)
  noteDowns(round)
  keepHomes(round)
  keepTopology(round, isPutBack)
  keepDns(round)
  // What takes rights away waits for nothing.
  for (const each of spec.clusters) if (each.intent === 'revoke') revoke(round, each.name)
  const members = new Set(spec.clusters.map(({ name }) => name))
  const known = new Set([...seen.clusters.keys(), ...Object.keys(memory.clusters)])
  for (const name of known) if (!members.has(name)) shutOut(round, name)
  if (spec.paused) {
    tellTurn(round)
    return { memory: round.memory, actions: round.actions }
  }
  for (const each of spec.clusters) if (each.intent !== 'revoke') letIn(round, each)
  if (isBlind(round)) return { memory: round.memory, actions: round.actions }
  place(round)
  roll(round)
  keepWork(round)
  keepScores(round)
  rememberUrls(round)
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
function revoke(round: Round, name: string): void {
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
  if (round.memory.clusters[name] !== undefined && stateOf(round, name).phase !== 'revoked') {
    if (seen === undefined) enter(round, name, 'revoked', withNothing(round, name))
    else revoke(round, name)
    return
  }
  if (seen === undefined) return
  for (const { name: request } of seen.requests) denyStranger(round, name, request)
  if (seen.registration === 'accepted') round.actions.push({ kind: 'refuse', cluster: name })
  if (seen.works > 0) round.actions.push({ kind: 'reap', cluster: name })
}

const denyStranger = (round: Round, name: string, request: string) =>
  round.actions.push({ kind: 'deny', request, why: `${name} is no cluster of this fleet` })

function letIn(round: Round, spec: ClusterSpec): void {
  const seen = look(round, spec.name)
  if (spec.intent === 'leave') {
    for (const { name: request } of seen?.requests ?? []) denyStranger(round, spec.name, request)
    return
  }
  const state = stateOf(round, spec.name)
  if (state.phase === 'revoked' || state.phase === 'revoking') {
    // It has to come with another key, which somebody names, and not before its old certificate, which would open
    // everything again at once, has run out.
    if (spec.key === '' || state.revokedKeys.includes(spec.key)) return
    const fromMs = state.sinceMs + certificateSecondsMax * 1_000
    if (round.nowMs < fromMs) {
      noteOnce(round, spec.name, `comes back at ${isoOf(fromMs)}, when its old certificate has run out`)
      return
    }
    enter(round, spec.name, 'out')
  }
  if (seen === undefined) return
  const { actions, key } = admit(spec, seen, stateOf(round, spec.name))
  round.actions.push(...actions)
  if (key !== state.key) change(round, spec.name, { key })
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
