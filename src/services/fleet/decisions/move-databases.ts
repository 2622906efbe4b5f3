import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { faultOfMove, fence, giveUp, settle } from './give-up.ts'
import {
  both,
  enter,
  type Look,
  noTokens,
  type SeenCopies,
  type SeenCopy,
  type Topology,
  type TopologyDecision,
  type TopologySpec,
  toldBy,
  waiting,
} from './topology.ts'

/**
 * Decides where both primaries should be, and what each cluster's Clusters are told. Pure. A planned move is the
 * documented one: nobody is promoted before both tokens of the home are there, and then with them; so what it wrote last is
 * in them. Nobody is promoted without unless somebody has accepted the loss of that very turn.
 * Source: CloudNativePG 1.30, "Replica clusters", and its `pkg/reconciler/replicaclusterswitch`, `pkg/promotiontoken`.
 */
export function decideTopology(
  spec: TopologySpec,
  seen: SeenCopies,
  before: Topology | undefined,
  nowMs: number,
): TopologyDecision {
  const look: Look = { spec, seen, nowMs, said: [] }
  const topology = before === undefined ? first(look) : settle(look, next(look, before))
  return { topology, told: toldBy(spec.members, topology), said: look.said }
}

/** Nothing is told before every member has said the same: what it would be told could promote it. */
function first({ spec, seen, nowMs, said }: Look): Topology | undefined {
  const names = new Set(
    spec.members.flatMap((name) => keptDatabases.map((each) => seen.get(name)?.[each]?.primary ?? '')),
  )
  const [home = ''] = names
  if (names.size !== 1 || !spec.members.includes(home)) {
    const heard = [...names].filter((name) => name !== '').join(', ')
    if (!names.has(''))
      said.push(`databases: their Clusters name several primaries (${heard}), so nothing is told`)
    return undefined
  }
  said.push(`databases: their primaries are at ${home}`)
  return {
    ...{ epoch: spec.epoch, home, step: 'steady', to: '', sinceMs: nowMs, unsettled: {} },
    tokens: both((each) => seen.get(home)?.[each]?.given ?? ''),
    ...{ uids: noTokens, timelines: { 'order-db': 0, 'book-db': 0 } },
    ...{ lostSinceMs: undefined, trouble: undefined },
  }
}

function next(look: Look, before: Topology): Topology {
  const topology = giveUp(look, before) ?? before
  if (topology.epoch !== before.epoch) return topology
  switch (topology.step) {
    case 'steady':
      return steady(look, topology)
    case 'demoting':
      return demote(look, topology)
    case 'returning':
      return goBack(look, topology)
    case 'fencing':
      return fence(look, topology)
    case 'promoting':
      return promote(look, topology)
  }
}

function steady(look: Look, topology: Topology): Topology {
  const { spec, seen, nowMs, said } = look
  const { home } = topology
  const lostSinceMs = spec.isHomeLost ? (topology.lostSinceMs ?? nowMs) : undefined
  const isLost = lostSinceMs !== undefined && nowMs - lostSinceMs >= spec.lostAfterMs
  const wanted = spec.wanted === '' || spec.wanted === home ? undefined : spec.wanted
  const why = isLost ? lossOf(look, topology) : wanted && faultOfMove(look, topology, wanted)
  if (why !== undefined && why !== topology.trouble) said.push(`databases: ${why}`)
  const uids = both((each) => seen.get(home)?.[each]?.uid || topology.uids[each])
  const stays = { ...topology, uids, lostSinceMs, trouble: why }
  if (wanted === undefined || why !== undefined || spec.isHomeLost) return stays
  const epoch = Math.max(topology.epoch, spec.epoch) + 1
  said.push(`databases: turn ${epoch}: they move from ${home} to ${wanted}; ${home} ends its primaries`)
  return enter(stays, 'demoting', nowMs, { epoch, to: wanted, tokens: noTokens })
}

/** What may be lost, said before. */
function lossOf({ spec }: Look, { home }: Topology): string {
  const rate = spec.demand === undefined ? '' : `, of some ${Math.ceil(spec.demand)} a second`
  const others = spec.members.filter((name) => name !== home).join(' or ')
  return `${home} is lost with the primaries. Nobody is promoted by himself: ${others || 'nobody'} may not have the last orders that were acknowledged there${rate}. octavo fleet move-databases NAME --accept-loss promotes one all the same`
}

/** Both tokens first: as long as nobody was given one, everything can go back. */
function demote(look: Look, topology: Topology): Topology {
  const { spec, nowMs, said } = look
  const { home, to } = topology
  const tokens = both((each) => topology.tokens[each] || endOf(look, topology, each))
  if (keptDatabases.every((each) => tokens[each] !== '')) {
    said.push(`databases: ${home} has ended both primaries; ${to} is promoted by their tokens`)
    return enter({ ...topology, tokens }, 'promoting', nowMs)
  }
  if (spec.wanted === home) {
    said.push(`databases: the move to ${to} is called off; ${home} is made the primary again`)
    return enter({ ...topology, tokens }, 'returning', nowMs)
  }
  const missing = keptDatabases.filter((each) => tokens[each] === '').join(' and ')
  const how = spec.isHomeLost
    ? `, and is lost; octavo fleet move-databases ${to} --accept-loss gives it up`
    : ''
  return waiting(look, { ...topology, tokens }, `${home} has not ended its primary of ${missing}${how}`)
}

/** The token that a Cluster has ended with since it was told to; empty while there is none. */
function endOf({ seen }: Look, { home, to }: Topology, database: KeptDatabase): string {
  const copy = seen.get(home)?.[database]
  return copy?.primary === to ? copy.demotionToken : ''
}

/** Nobody else can have been promoted; by its own token, where it has one already. */
function goBack(look: Look, topology: Topology): Topology {
  const { seen, nowMs, said } = look
  const { home } = topology
  const tokens = both((each) => topology.tokens[each] || endOf(look, topology, each))
  const isBack = keptDatabases.every((each) => {
    const copy = seen.get(home)?.[each]
    return copy?.primary === home && hasTaken(copy, tokens[each]) && copy.demotionToken === ''
  })
  if (!isBack) return waiting(look, { ...topology, tokens }, `${home} is not the primary again`)
  said.push(`databases: they are at ${home} as before, in turn ${topology.epoch}`)
  return enter({ ...topology, tokens }, 'steady', nowMs, { to: '' })
}

const hasTaken = ({ given, taken, ready }: SeenCopy, token: string): boolean =>
  ready > 0 && given === token && (token === '' || taken === token)

function promote(look: Look, topology: Topology): Topology {
  const { seen, nowMs, said } = look
  const { to, tokens, timelines } = topology
  const missing = keptDatabases.filter((each) => {
    const copy = seen.get(to)?.[each]
    if (copy?.primary !== to || copy.demotionToken !== '' || !hasTaken(copy, tokens[each])) return true
    return tokens[each] === '' && copy.timeline <= timelines[each]
  })
  if (missing.length > 0) {
    const phases = missing
      .map((each) => `${each} (${seen.get(to)?.[each]?.phase || 'unknown'})`)
      .join(' and ')
    return waiting(look, topology, `${to} is not the primary of ${phases}`)
  }
  said.push(`databases: ${to} is the primary of both in turn ${topology.epoch}`)
  const uids = both((each) => seen.get(to)?.[each]?.uid ?? '')
  // The tokens stay: a work of an earlier day has others, and CloudNativePG refuses those.
  return enter(topology, 'steady', nowMs, { home: to, to: '', uids })
}
