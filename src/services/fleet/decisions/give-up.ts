import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import {
  type Both,
  both,
  enter,
  type GivenUp,
  type Look,
  noTokens,
  type SeenCopies,
  type SeenCopy,
  type Told,
  type Topology,
  waiting,
  without,
} from './topology.ts'

/** Somebody accepts what may be lost: the home, and whoever may have been promoted instead, is given up. */
export function giveUp(look: Look, topology: Topology): Topology | undefined {
  const { spec, seen, nowMs, said } = look
  const { home, to, epoch: lost, step, tokens } = topology
  if (spec.acceptLossOf !== lost || step === 'fencing') return undefined
  const next = spec.wanted
  if (
    !spec.members.includes(next) ||
    ((step === 'steady' || step === 'demoting' || step === 'returning') && next === home)
  )
    return undefined
  // Nothing has to be lost of a home that is well: it ends its primaries first, as in every planned move.
  if (step === 'steady' && !spec.isHomeLost && faultOfMove(look, topology, next) === undefined)
    return undefined
  const isAgain = step === 'promoting' && next === to
  // There is nothing more to give up.
  if (isAgain && keptDatabases.every((each) => isTaken(look, topology, each))) return undefined
  if (!isFit(look, topology, next)) {
    if (topology.refused !== lost)
      said.push(
        `databases: ${next} does not say that its copies are well, or was given up itself; it is not promoted yet`,
      )
    return { ...topology, refused: lost }
  }
  const epoch = Math.max(lost, spec.epoch) + 1
  const given = [home, ...(step === 'promoting' ? [to] : [])].filter((name) => name !== next)
  said.push(
    `databases: turn ${epoch}: ${given.join(' and ')} is given up with what it alone has, for ${next}`,
  )
  const others = spec.members.filter((name) => name !== next)
  const unsettled = Object.fromEntries(
    others.map((name): [string, GivenUp] => {
      const isGiven = given.includes(name)
      const before = topology.unsettled[name]
      const copies = seen.get(name)
      return [
        name,
        {
          epoch: isGiven ? lost : before?.epoch,
          uids: name === home ? topology.uids : noTokens,
          tokens: both((each) => copies?.[each]?.demotionToken ?? ''),
          hasEnded: !isGiven && (before?.hasEnded ?? true),
        },
      ]
    }),
  )
  return enter(topology, 'fencing', nowMs, {
    ...{ epoch, to: next, timelines: timelinesOf(look, topology, next), isAgain },
    tokens: isAgain ? tokens : noTokens,
    unsettled,
  })
}

/** One that was given up itself has to have ended first: what it has is another history. */
const isFit = ({ seen }: Look, { home, unsettled }: Topology, next: string): boolean =>
  !Object.hasOwn(unsettled, next) &&
  keptDatabases.every((each) => (seen.get(next)?.[each]?.ready ?? 0) > 0 && isOfHome(seen, home, next, each))

/** Whether both are copies of one database, as far as they say. */
function isOfHome(seen: SeenCopies, home: string, name: string, database: KeptDatabase): boolean {
  const [a = '', b = ''] = [home, name].map((each) => seen.get(each)?.[database]?.system)
  return a === b || a === '' || b === ''
}

/** What goes up when it is promoted; lower by one where it is the primary already. */
const timelinesOf = ({ seen }: Look, topology: Topology, name: string): Both<number> =>
  both((each) => {
    const { home, to, step, tokens, timelines } = topology
    // It is being promoted already, by nobody's token.
    if (step === 'promoting' && name === to && tokens[each] === '') return timelines[each]
    const copy = seen.get(name)?.[each]
    if (copy === undefined) return 0
    return copy.timeline - (copy.primary === name && name === home ? 1 : 0)
  })

/** Nobody is promoted while an edge may still send orders to the one before. */
export function fence(look: Look, topology: Topology): Topology {
  const { spec, nowMs, said } = look
  const untold = Object.keys(topology.unsettled).filter(
    (name) => spec.works.has(name) && !isToldToEnd(spec.works.get(name), name),
  )
  if (untold.length > 0)
    return waiting(look, topology, `the hub has no work that tells ${untold.join(' and ')} to end`)
  if (!spec.isFollowed) return waiting(look, topology, 'not every edge says that it follows this turn')
  said.push(
    `databases: every edge follows turn ${topology.epoch}; ${topology.to} is promoted with what it has`,
  )
  const { tokens } = topology
  // What has been promoted by its token stays so.
  const taken = both((each) => (isTaken(look, topology, each) ? tokens[each] : ''))
  return enter(topology, 'promoting', nowMs, { tokens: taken, isAgain: undefined })
}

const isTaken = ({ seen }: Look, { to, tokens }: Topology, database: KeptDatabase): boolean =>
  (seen.get(to)?.[database]?.taken ?? '') === tokens[database]

const isToldToEnd = (told: Told | undefined, name: string): boolean =>
  told !== undefined && told !== 'look' && keptDatabases.every((each) => told[each].primary !== name)

/**
 * Whoever was given up is one of them again when its Clusters have been made anew. That it has ended its primaries is said,
 * with how far they went: there alone it can be seen what was lost.
 */
export function takeBack(look: Look, topology: Topology): Topology {
  if (topology.step !== 'steady') return topology
  let { unsettled } = topology
  for (const [name, given] of Object.entries(unsettled)) {
    const copies = keptDatabases.map((each) => ({ each, copy: look.seen.get(name)?.[each] }))
    const follows = copies.every(({ copy }) => copy?.primary === topology.home && copy.ready > 0)
    const isNew = copies.every(({ each, copy }) => given.uids[each] !== '' && copy?.uid !== given.uids[each])
    if (follows && isNew) {
      unsettled = without(unsettled, name)
      look.said.push(`databases: ${name} has been made anew, and follows ${topology.home}`)
    } else if (!given.hasEnded && copies.every(({ each, copy }) => isNewToken(given, each, copy))) {
      unsettled = { ...unsettled, [name]: { ...given, hasEnded: true } }
      const ends = copies.map(({ each, copy }) => `${each} at ${logEndOf(copy?.demotionToken ?? '')}`)
      look.said.push(
        `databases: ${name} is back, and has ended its own primaries: ${ends.join(', ')}. What it alone has can be read there until its Clusters are made anew, which they have to be`,
      )
    } else if (keptDatabases.some((each) => given.uids[each] === '')) {
      // What was fed back when it was given up may be of before its owner made it anew for another reason.
      const uids = both((each) => given.uids[each] || uidNow(topology, look.seen.get(name)?.[each]))
      if (keptDatabases.some((each) => uids[each] !== given.uids[each]))
        unsettled = { ...unsettled, [name]: { ...given, uids } }
    }
  }
  return unsettled === topology.unsettled ? topology : { ...topology, unsettled }
}

const uidNow = ({ telling }: Topology, copy: SeenCopy | undefined): string =>
  copy?.telling === telling ? copy.uid : ''

const isNewToken = ({ tokens }: GivenUp, database: KeptDatabase, copy: SeenCopy | undefined): boolean =>
  copy !== undefined && copy.demotionToken !== '' && copy.demotionToken !== tokens[database]

/** Where the log ends that a token tells of, as PostgreSQL writes it. */
function logEndOf(token: string): string {
  try {
    const read: unknown = JSON.parse(Buffer.from(token, 'base64').toString())
    const { latestCheckpointREDOLocation: end, latestCheckpointTimelineID: timeline } = read as Record<
      string,
      unknown
    >
    return typeof end === 'string' && typeof timeline === 'string'
      ? `${end.slice(0, 20)} of timeline ${timeline.slice(0, 10)}`
      : 'an unknown place'
  } catch {
    // It is only told of.
    return 'an unknown place'
  }
}

/** Why a planned move cannot begin, in words. */
export function faultOfMove(
  { spec, seen }: Look,
  { home, unsettled, telling }: Topology,
  to: string,
): string | undefined {
  if (!spec.members.includes(to)) return `${to} has no copy of them`
  if (Object.hasOwn(unsettled, to))
    return `${to} was given up with primaries of its own; its Clusters have to be made anew`
  for (const each of keptDatabases) {
    const [from, copy] = [seen.get(home)?.[each], seen.get(to)?.[each]]
    if (from?.primary !== home || from.ready === 0 || from.telling !== telling)
      return `${home} does not say that ${each} is well there`
    if (!isOfHome(seen, home, to, each)) return `what ${to} has of ${each} is another database`
    // Its operator has not looked at it since: a token of an earlier move would be taken for one of this.
    if (from.demotionToken !== '') return `${home} still has a token of an earlier move of ${each}`
    if (copy?.primary !== home || copy.ready === 0)
      return `${to} does not say that its copy of ${each} is well`
  }
  return undefined
}
