import { missingApproval } from './admission.ts'
import { isHome } from './homes.ts'
import { byRing, candidates, chosen, wantedCount } from './placing.ts'
import { isThere } from './roll.ts'
import {
  change,
  enter,
  fullWeight,
  isFollowed,
  look,
  note,
  noteOnce,
  type Round,
  serving,
  stateOf,
} from './round.ts'
import { homesToServe } from './topologies.ts'

/** What is on its way to a cluster that is taken out is waited for, and then given up. */
const drainLimitMs = 60_000

/** Gives work to the clusters that should have it, and takes it from others once they are not needed any more. */
export function place(round: Round): void {
  const { spec, seen, nowMs } = round
  const found = candidates(spec, seen, round.memory, nowMs)
  const wanted = wantedCount(spec, found.able, seen.demand, round.memory.wanted, nowMs)
  if (wanted.count !== round.memory.wanted.count) note(round, `${wanted.count} clusters are wanted`)
  round.memory = { ...round.memory, wanted }
  const names = new Set([...chosen(found, wanted.count), ...homesToServe(round)])
  for (const each of byRing(spec.clusters)) {
    const { name } = each
    const { phase } = stateOf(round, name)
    if (phase === 'out' && names.has(name) && missingApproval(each) === undefined) begin(round, name)
    // No reader has come to one that has not joined.
    else if (phase === 'joining' && !names.has(name)) enter(round, name, 'out', { version: undefined })
    else if (phase === 'joining') join(round, name)
    else if (phase === 'serving' && !names.has(name)) leave(round, name, names)
    else if (phase === 'draining') drain(round, name, names.has(name))
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
  // One that has only a canary's share is being judged: it does not get everybody.
  const others = serving(round, name).filter((each) => stateOf(round, each).weight === fullWeight)
  const isAnotherLeaving = Object.values(round.memory.clusters).some(({ phase }) => phase === 'draining')
  const isMadeUp = [...names].every((each) => stateOf(round, each).phase === 'serving')
  if (others.length === 0 || (others.length < round.spec.clustersMin && !isMadeUp)) {
    noteOnce(round, name, 'is let go when another cluster serves in its place')
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

function drain(round: Round, name: string, isWanted: boolean): void {
  const seen = look(round, name)
  const { version, sinceMs } = stateOf(round, name)
  const isGood = version === round.memory.goodVersion
  const isAlone = serving(round, name).length === 0
  // Somebody has changed his mind, or the others are lost and nobody would sell.
  if (seen?.edge?.isUp === true && (isAlone || (isWanted && isGood))) {
    enter(round, name, 'serving', { weight: fullWeight })
    return
  }
  const isEmpty = seen?.edge !== undefined && seen.edge.inFlight === 0 && isFollowed(round)
  const isLate = round.nowMs - sinceMs >= drainLimitMs
  if (!isEmpty && !(isLate && isFollowed(round))) return
  if (isAlone) return
  round.actions.push({ kind: 'taint', cluster: name })
  enter(round, name, 'out', { version: undefined })
}
