import { admit, missingApproval } from './admission.ts'
import { keepDns } from './dns.ts'
import { heedEdges, isHome, keepHomes } from './homes.ts'
import type { Action, ClusterSpec, FleetMemory, FleetSpec, Seen } from './model.ts'
import { byRing, chosen, wantedCount } from './placing.ts'
import { isThere, roll } from './roll.ts'
import { keepScores } from './scores.ts'
import { change, enter, fullWeight, isFollowed, look, note, serving, stateOf, type Turn } from './turn.ts'

/** What is on its way to a cluster that is taken out is waited for, and then given up. */
const drainLimitMs = 60_000

export type Decision = { memory: FleetMemory; actions: readonly Action[] }

/**
 * Decides what to do next. Pure: the same fleet, the same view and the same memory give the same decision, so a
 * controller that died goes on where it was, and one that decides twice does nothing twice.
 */
export function decide(spec: FleetSpec, seen: Seen, memory: FleetMemory, nowMs: number): Decision {
  const turn: Turn = { spec, seen, nowMs, memory, actions: [] }
  heedEdges(turn)
  noteDowns(turn)
  keepHomes(turn)
  keepDns(turn)
  // What takes rights away waits for nothing.
  for (const each of spec.clusters) if (each.intent === 'revoke') revoke(turn, each)
  const named = new Set(spec.clusters.map(({ name }) => name))
  for (const name of seen.clusters.keys()) if (!named.has(name)) shutOut(turn, name)
  if (spec.paused) return { memory: turn.memory, actions: turn.actions }
  for (const each of spec.clusters) if (each.intent !== 'revoke') letIn(turn, each)
  place(turn)
  roll(turn)
  keepWork(turn)
  keepScores(turn)
  return { memory: turn.memory, actions: turn.actions }
}

function noteDowns(turn: Turn): void {
  for (const name of Object.keys(turn.memory.clusters)) {
    const { edge } = look(turn, name) ?? {}
    const { phase, downSinceMs } = stateOf(turn, name)
    const isDown = phase === 'serving' && edge?.isUp === false
    if (isDown === (downSinceMs !== undefined)) continue
    if (phase === 'serving' && edge === undefined) continue
    note(turn, isDown ? `${name}: lost, as the edges see it` : `${name}: there again`)
    change(turn, name, { downSinceMs: isDown ? turn.nowMs : undefined })
  }
}

/**
 * Takes everything a cluster may do: traffic at once, then its acceptance and its works. Its rights on works outlast its
 * acceptance while there is one, so it counts as revoked only when the hub says that they are gone.
 */
function revoke(turn: Turn, { name }: ClusterSpec): void {
  const seen = look(turn, name)
  const { phase, key, revokedKeys } = stateOf(turn, name)
  if (phase !== 'revoking' && phase !== 'revoked') {
    const keys = key === '' ? revokedKeys : [...new Set([...revokedKeys, key])]
    enter(turn, name, 'revoking', { weight: 0, version: undefined, key: '', revokedKeys: keys })
  }
  if (seen === undefined) return
  for (const { name: request } of seen.requests)
    turn.actions.push({ kind: 'deny', request, why: `${name} is revoked` })
  if (seen.registration === 'accepted') turn.actions.push({ kind: 'refuse', cluster: name })
  if (seen.works > 0) turn.actions.push({ kind: 'reap', cluster: name })
  if (phase === 'revoked' && seen.registration !== 'accepted' && seen.works === 0) return
  if (seen.hasRights === false && seen.works === 0) enter(turn, name, 'revoked')
  else turn.actions.push({ kind: 'check-rights', cluster: name })
}

/** Nobody has named it: it gets no answer, and what it was given before is taken back. */
function shutOut(turn: Turn, name: string): void {
  const seen = look(turn, name)
  if (seen === undefined) return
  for (const { name: request } of seen.requests)
    turn.actions.push({ kind: 'deny', request, why: `${name} is no cluster of this fleet` })
  if (seen.registration === 'accepted') turn.actions.push({ kind: 'refuse', cluster: name })
  if (seen.works > 0) turn.actions.push({ kind: 'reap', cluster: name })
  if (turn.memory.clusters[name] !== undefined && stateOf(turn, name).phase !== 'revoked')
    enter(turn, name, 'revoked', { weight: 0, version: undefined })
}

function letIn(turn: Turn, spec: ClusterSpec): void {
  const seen = look(turn, spec.name)
  const state = stateOf(turn, spec.name)
  if (state.phase === 'revoked' || state.phase === 'revoking') {
    // Its old certificate would open everything again at once: it has to come with another key, which somebody names.
    if (spec.key === '' || state.revokedKeys.includes(spec.key)) return
    enter(turn, spec.name, 'out')
  }
  if (seen === undefined) return
  const { actions, key } = admit(spec, seen, stateOf(turn, spec.name))
  turn.actions.push(...actions)
  if (key !== state.key) change(turn, spec.name, { key })
}

/** Gives work to the clusters that should have it, and takes it from others once they are not needed any more. */
function place(turn: Turn): void {
  const { spec, seen, nowMs } = turn
  const wanted = wantedCount(spec, seen.demand, turn.memory.wanted, nowMs)
  if (wanted.count !== turn.memory.wanted.count) note(turn, `${wanted.count} clusters are wanted`)
  turn.memory = { ...turn.memory, wanted }
  const names = chosen(spec, seen, turn.memory, wanted.count, nowMs)
  for (const each of byRing(spec.clusters)) {
    const { name } = each
    const { phase } = stateOf(turn, name)
    const isChosen = names.has(name) && missingApproval(each) === undefined
    if (phase === 'out' && isChosen) begin(turn, name)
    else if (phase === 'joining') join(turn, name)
    else if (phase === 'serving' && !names.has(name)) leave(turn, name, names)
    else if (phase === 'draining') drain(turn, name)
    else if (phase === 'serving') restore(turn, name)
  }
}

/** A rollout that was given up half-way leaves no cluster with less than its share. */
function restore(turn: Turn, name: string): void {
  const { rollout, bad } = turn.memory
  const { version = '', weight } = stateOf(turn, name)
  if (weight === fullWeight || rollout !== undefined || bad[version] !== undefined) return
  if (isThere(look(turn, name), version)) change(turn, name, { weight: fullWeight })
}

function begin(turn: Turn, name: string): void {
  const { goodVersion, rollout } = turn.memory
  const version = goodVersion ?? rollout?.from ?? turn.spec.version
  if (!turn.seen.versions.some((each) => each.version === version)) return
  if (look(turn, name)?.isTainted) turn.actions.push({ kind: 'untaint', cluster: name })
  enter(turn, name, 'joining', { version, weight: 0 })
}

function join(turn: Turn, name: string): void {
  // An edge that finds it up follows a picture that has it.
  if (isThere(look(turn, name), stateOf(turn, name).version))
    enter(turn, name, 'serving', { weight: fullWeight })
}

/** Makes before it breaks: whoever comes instead serves first, and only one leaves at a time. */
function leave(turn: Turn, name: string, names: ReadonlySet<string>): void {
  const others = serving(turn, name)
  const isAnotherLeaving = Object.values(turn.memory.clusters).some(({ phase }) => phase === 'draining')
  const isMadeUp = [...names].every((each) => stateOf(turn, each).phase === 'serving')
  if (isAnotherLeaving || others.length === 0 || (others.length < turn.spec.clustersMin && !isMadeUp)) return
  // Its databases move first: what writes goes on meanwhile.
  if (isHome(turn, name)) return
  const { rollout } = turn.memory
  if (rollout?.cluster === name && rollout.step !== 'rolling-back')
    turn.memory = { ...turn.memory, rollout: undefined }
  enter(turn, name, 'draining', { weight: 0 })
}

function drain(turn: Turn, name: string): void {
  const seen = look(turn, name)
  const { sinceMs } = stateOf(turn, name)
  const isEmpty = seen?.edge !== undefined && seen.edge.inFlight === 0 && isFollowed(turn)
  const isLate = turn.nowMs - sinceMs >= drainLimitMs
  if (!isEmpty && !(isLate && isFollowed(turn))) return
  if (serving(turn, name).length === 0) return
  turn.actions.push({ kind: 'taint', cluster: name })
  enter(turn, name, 'out', { version: undefined })
}

/** What a cluster has is made what it should have. */
function keepWork(turn: Turn): void {
  for (const { name } of turn.spec.clusters) {
    const seen = look(turn, name)
    const { version, phase } = stateOf(turn, name)
    if (seen === undefined || phase === 'revoking' || phase === 'revoked') continue
    if (version !== undefined && seen.registration === 'accepted' && seen.work?.version !== version)
      turn.actions.push({ kind: 'apply', cluster: name, version })
    if (version === undefined && seen.works > 0) turn.actions.push({ kind: 'reap', cluster: name })
  }
}
