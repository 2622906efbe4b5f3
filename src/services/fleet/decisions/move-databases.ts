import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { begin } from './begin-topology.ts'
import { faultOfMove, fence, giveUp, takeBack } from './give-up.ts'
import {
  both,
  enter,
  hasTaken,
  type Look,
  lastHeard,
  noTokens,
  type SeenCopies,
  type Topology,
  type TopologyDecision,
  type TopologySpec,
  telling,
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
  const isPutBack = before !== undefined && lastHeard(seen) > (before.telling ?? 0)
  if (isPutBack) look.said.push(`databases: ${putBack}`)
  const topology = isPutBack || before === undefined ? begin(look) : takeBack(look, next(look, before))
  const now = topology && telling(look, topology, isPutBack ? undefined : before)
  return { topology: now, told: toldBy(spec.members, now), said: look.said }
}

const putBack = 'clusters were told more than this hub remembers: it was put back, and looks where they are'

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
function endOf({ seen }: Look, { home, to, telling }: Topology, database: KeptDatabase): string {
  const copy = seen.get(home)?.[database]
  return copy?.primary === to && copy.telling === telling ? copy.demotionToken : ''
}

/** Nobody else can have been promoted; by its own token, where it has one already. */
function goBack(look: Look, topology: Topology): Topology {
  const { seen, nowMs, said } = look
  const { home } = topology
  const tokens = both((each) => topology.tokens[each] || endOf(look, topology, each))
  const isBack = keptDatabases.every((each) => {
    const copy = seen.get(home)?.[each]
    if (copy?.telling !== topology.telling || copy.demotionToken !== '') return false
    return copy.primary === home && hasTaken(copy, tokens[each])
  })
  if (!isBack) return waiting(look, { ...topology, tokens }, `${home} is not the primary again`)
  said.push(`databases: they are at ${home} as before, in turn ${topology.epoch}`)
  return enter({ ...topology, tokens }, 'steady', nowMs, { to: '' })
}

function promote(look: Look, topology: Topology): Topology {
  const { seen, nowMs, said } = look
  const { to, tokens, timelines } = topology
  const missing = keptDatabases.filter((each) => {
    const copy = seen.get(to)?.[each]
    if (copy?.primary !== to || copy.telling !== topology.telling) return true
    if (copy.demotionToken !== '' || !hasTaken(copy, tokens[each])) return true
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
