import { isFurther, type KeptState, type LogPosition, untold, type Want } from '#kernel/database-turn'
import { quorumOf, votesNeeded } from '#kernel/succession'

/**
 * Where a database's primary is, and the turn it has there. Each move begins a turn with a number of its own, which is
 * written down before anybody hears of it.
 */
export type Home = {
  epoch: number
  /** The cluster of the primary; the one before, while nobody is chosen yet. */
  cluster: string
  step:
    | 'steady'
    /** Every server that can be reached turns from the primary before, so that it can acknowledge nothing any more. */
    | 'turning'
    /** One has been chosen, and is being made the primary. */
    | 'promoting'
  sinceMs: number
  isPlanned: boolean
  /** Where a planned move goes. */
  to: string
  /** The log that this turn begins with. */
  from: LogPosition | null
  /** Who has a server, from the first turn on: a quorum is one of these. */
  members: readonly Member[]
  /** Since when commits cannot be acknowledged, as far as can be seen. */
  troubleSinceMs: number | undefined
}
export type Member = { name: string; address: string }

export type HomeSpec = {
  /** The cluster that it should be in; where it is, when empty. */
  wanted: string
  /** Clusters with a server of it. */
  members: readonly Member[]
  /** Commits may not be acknowledged for so long before another cluster takes over. */
  lostAfterMs: number
}

export type HomeDecision = {
  home: Home | undefined
  wants: ReadonlyMap<string, Want>
  said: readonly string[]
}

type Seen = ReadonlyMap<string, KeptState>
type Look = { spec: HomeSpec; seen: Seen; nowMs: number; said: string[] }

/** So many turns a hub that was put back may have missed: a cluster that tells of more is not believed. */
const forgottenMax = 1_000
/** What a planned move waits for: a clean stop, with everything that is on its way. */
const handOverLimitMs = 15_000
/** One whom nobody can follow for so long is no primary. */
const promoteLimitMs = 60_000

/**
 * Decides where a database's primary should be, and what each of its servers is told. Pure. It moves it only in turns: with a
 * number that is higher than any before, and once so many servers have turned from the last primary that those which are
 * left to it are no quorum, and one of those that have turned has everything it ever acknowledged.
 * Source: D. Gifford, "Weighted Voting for Replicated Data", 1979; D. Ongaro and J. Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014 (terms, and who may lead).
 * @param seen what those servers say whose keeper answers
 */
export function decideHome(spec: HomeSpec, all: Seen, before: Home | undefined, nowMs: number): HomeDecision {
  // A hub may have forgotten some turns, but no cluster makes them run on by itself.
  const likely = (before?.epoch ?? 0) + forgottenMax
  const seen = new Map([...all].filter(([, { epoch }]) => epoch <= likely))
  const look: Look = { spec, seen, nowMs, said: [] }
  const home = before === undefined ? first(look) : next(look, before)
  return { home, wants: home === undefined ? new Map() : wantsOf(home, seen), said: look.said }
}

const quorumOfHome = ({ members }: Pick<Home, 'members'>): number => quorumOf(members.length - 1)
const votesOfHome = ({ members }: Home): number => votesNeeded(members.length - 1, quorumOfHome({ members }))

/** A database that has never been anywhere begins where it is wanted, once nobody can have one already. */
function first({ spec, seen, nowMs, said }: Look): Home | undefined {
  const { members, wanted } = spec
  const cluster = members.find(({ name }) => name === wanted)?.name
  const states = members.map(({ name }) => seen.get(name))
  if (cluster === undefined || members.length === 0) return undefined
  const highest = Math.max(0, ...states.map((state) => state?.epoch ?? 0))
  const base = { isPlanned: false, to: '', from: null, members, troubleSinceMs: undefined, sinceMs: nowMs }
  // Somebody remembers a turn that this fleet does not: it is taken up, and nothing is made anew.
  if (highest > 0) {
    said.push(`turn ${highest} is remembered by the servers; it is taken up`)
    return { ...base, epoch: highest + 1, cluster, step: 'turning' }
  }
  // What a store had before it came into a fleet is where it is wanted, and nowhere else.
  const others = members.filter(({ name }) => name !== cluster)
  if (states.includes(undefined) || others.some(({ name }) => seen.get(name)?.hasData)) return undefined
  said.push(`begins at ${cluster}`)
  return { ...base, epoch: 1, cluster, step: 'promoting' }
}

function next(look: Look, home: Home): Home {
  const { seen, nowMs, said } = look
  const highest = Math.max(...home.members.map(({ name }) => seen.get(name)?.epoch ?? 0))
  if (highest > home.epoch) {
    // The hub was put back to an earlier day, or another hub had the fleet: turns never run backwards.
    said.push(`turn ${highest} is later than the one known here, ${home.epoch}; another one is begun`)
    return turned(home, highest + 1, nowMs)
  }
  switch (home.step) {
    case 'steady':
      return steady(look, home)
    case 'turning':
      return choose(look, home)
    case 'promoting':
      return promote(look, home)
  }
}

const turned = (home: Home, epoch: number, nowMs: number, to = ''): Home => ({
  ...home,
  ...{ epoch, step: 'turning', sinceMs: nowMs, to, isPlanned: to !== '', from: null },
  troubleSinceMs: undefined,
})

function steady({ spec, seen, nowMs, said }: Look, home: Home): Home {
  if (!isStalled(seen, home)) {
    const well = home.troubleSinceMs === undefined ? home : { ...home, troubleSinceMs: undefined }
    const target = spec.wanted === home.cluster ? undefined : seen.get(spec.wanted)
    const isMember = home.members.some(({ name }) => name === spec.wanted)
    const isReady = target?.receives === true && target.epoch === home.epoch
    if (!isMember || !isReady || seen.get(home.cluster) === undefined) return well
    said.push(`moves from ${home.cluster} to ${spec.wanted}, as is wanted`)
    return turned(well, home.epoch + 1, nowMs, spec.wanted)
  }
  const troubleSinceMs = home.troubleSinceMs ?? nowMs
  if (nowMs - troubleSinceMs < spec.lostAfterMs) return { ...home, troubleSinceMs }
  said.push(`${home.cluster} can acknowledge nothing; another cluster takes over`)
  return turned(home, home.epoch + 1, nowMs)
}

/**
 * Whether so few servers receive what the primary writes that it can acknowledge nothing: those that cannot be asked may well
 * receive. Enough have to be heard for another one to be chosen at all.
 */
function isStalled(seen: Seen, home: Home): boolean {
  const others = home.members.filter(({ name }) => name !== home.cluster)
  const answers = home.members.filter(({ name }) => seen.has(name))
  const receive = others.filter(({ name }) => seen.get(name)?.receives ?? true)
  const primary = seen.get(home.cluster)
  const isDown = primary !== undefined && !(primary.isRunning && primary.isAsTold)
  const isCutOff = others.length > 0 && receive.length < quorumOfHome(home)
  return (
    (isCutOff || (isDown && others.every(({ name }) => seen.get(name)?.receives !== true))) &&
    answers.length >= votesOfHome(home)
  )
}

/** Once enough have turned, the one with the furthest log comes next; the one that was asked for if it is as far. */
function choose({ seen, nowMs, said }: Look, home: Home): Home {
  const isDecided = home.members.some(({ name }) => {
    const state = seen.get(name)
    return state?.epoch === home.epoch && (state.state === 'primary' || state.state === 'replica')
  })
  if (isDecided) {
    // The hub was put back into the middle of this turn: who follows in it votes no more.
    said.push(`turn ${home.epoch} has been decided already; another one is begun`)
    return turned(home, home.epoch + 1, nowMs)
  }
  const old = seen.get(home.cluster)
  const oldHasTurned = old?.epoch === home.epoch && old.state === 'turned' && old.isAsTold
  // In peace the one before ends first: then the others have all that it wrote.
  if (home.isPlanned && !oldHasTurned) {
    if (nowMs - home.sinceMs < handOverLimitMs) return home
    said.push(`${home.cluster} does not hand over; it is left behind`)
    return { ...home, isPlanned: false, sinceMs: nowMs }
  }
  const votes = home.members.flatMap(({ name }) => {
    const state = seen.get(name) ?? untold
    const isFinal = state.epoch === home.epoch && state.state === 'turned' && state.isAsTold
    return isFinal && state.position !== null ? [{ name, position: state.position }] : []
  })
  if (votes.length < votesOfHome(home)) return home
  const asked = votes.find(({ name }) => name === home.to)
  // Whoever it goes to may be heard a moment later: another would only be the next to move it.
  if (home.isPlanned && asked === undefined && nowMs - home.sinceMs < handOverLimitMs) return home
  // Of two that are as far, the one that is not what has just failed.
  const ordered = votes.toSorted((a, b) => Number(a.name === home.cluster) - Number(b.name === home.cluster))
  const best = ordered.reduce((a, b) => (isFurther(b.position, a.position) ? b : a))
  const chosen = asked !== undefined && !isFurther(best.position, asked.position) ? asked : best
  said.push(`turn ${home.epoch} is ${chosen.name}’s`)
  return {
    ...home,
    ...{ step: 'promoting', cluster: chosen.name, from: chosen.position, sinceMs: nowMs },
  }
}

function promote({ spec, seen, nowMs, said }: Look, home: Home): Home {
  const state = seen.get(home.cluster)
  if (state?.epoch === home.epoch && state.state === 'primary' && state.isAsTold) {
    said.push(`${home.cluster} is the primary in turn ${home.epoch}`)
    return { ...home, step: 'steady', sinceMs: nowMs, troubleSinceMs: undefined }
  }
  // The first of all has nobody to take its place.
  if (home.from === null) return home
  const isAlone = home.members.every(({ name }) => seen.get(name)?.receives !== true)
  const isLate = isAlone && nowMs - home.sinceMs > promoteLimitMs
  if (state?.isRunning && !isLate) return { ...home, troubleSinceMs: undefined }
  const troubleSinceMs = home.troubleSinceMs ?? nowMs
  if (nowMs - troubleSinceMs < spec.lostAfterMs) return { ...home, troubleSinceMs }
  said.push(`${home.cluster} was lost while it became the primary`)
  return turned(home, home.epoch + 1, nowMs)
}

/** What every server is told; the same again as long as it is the same. */
function wantsOf(home: Home, seen: Seen): ReadonlyMap<string, Want> {
  const { epoch, cluster, members, from, isPlanned } = home
  const common = { epoch, members: [...members], quorum: quorumOfHome(home), from, isPlanned }
  const isFirst = home.epoch === 1
  const old = seen.get(cluster)
  const isOldGone = !isPlanned || (old?.epoch === epoch && old.isAsTold)
  const wants = members.flatMap(({ name }): [string, Want][] => {
    if (home.step !== 'turning') {
      const state = name === cluster ? 'primary' : 'replica'
      return [[name, { ...common, state, primary: cluster, isFirst: isFirst && state === 'primary' }]]
    }
    // In peace the others receive to the end what the one before writes.
    if (name !== cluster && !isOldGone) return []
    return [[name, { ...common, state: 'turned', primary: '', isFirst: false }]]
  })
  return new Map(wants)
}
