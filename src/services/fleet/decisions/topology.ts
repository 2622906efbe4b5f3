import type { KeptDatabase } from '#kernel/database-turn'

/** Something of each of the two databases. */
export type Both<T> = Readonly<Record<KeptDatabase, T>>

/**
 * Where the primaries are of databases that CloudNativePG looks after, in its distributed topology, and the turn they have
 * there. Both are always in one cluster, and move together.
 */
export type Topology = {
  epoch: number
  /**
   * Rises with everything that clusters are told; each Cluster has on it which it was told last. So what is fed back is
   * known to be of after it, and a hub that was put back is known by it.
   */
  telling: number
  /** The cluster of the primaries; the one before, while they move. */
  home: string
  step:
    | 'steady'
    /** The home ends its primaries, and says by a token of each how far its log goes. */
    | 'demoting'
    /** The home is made the primary again: the move is called off. */
    | 'returning'
    /** It is given up with what it alone has, once no edge sends anything there. */
    | 'fencing'
    | 'promoting'
  /** Where they go; empty while they stay. */
  to: string
  sinceMs: number
  /** What the next home is given, and has to have all of; empty where it is promoted with what it has. */
  tokens: Both<string>
  /** It is given up while it waits for the tokens' log, and what it was told stays until it is told otherwise. */
  isAgain?: boolean | undefined
  /** What those Clusters were when a primary was given up: a copy that is another one has never been it. */
  uids: Both<string>
  /** Their timelines before they were promoted without a token: they are primaries when it has gone up. */
  timelines: Both<number>
  /** Clusters whose copies may be another history than the home's since one was given up, until they are made anew. */
  unsettled: Readonly<Record<string, GivenUp>>
  lostSinceMs: number | undefined
  /** The turn of which it was said why its loss cannot be accepted yet. */
  refused?: number | undefined
  /** What somebody has to decide. */
  trouble: string | undefined
}

export type GivenUp = {
  /** The last turn that they hear of; undefined for copies that were no primaries, and may have more than the next home. */
  epoch?: number | undefined
  /** What its Clusters were, and tokens that they had already. */
  uids: Both<string>
  tokens: Both<string>
  /** They were seen to have ended their primaries. */
  hasEnded: boolean
}

/** A Cluster of CloudNativePG, as it was fed back: all of it from one look. */
export type SeenCopy = {
  /** `spec.replica`: who is the primary, and the token that was given with it. */
  primary: string
  given: string
  /** `status`: how far the log went that it ended with as a primary, and the last token that it was promoted by. */
  demotionToken: string
  taken: string
  uid: string
  /** Of its database: copies of one have the same. */
  system: string
  ready: number
  timeline: number
  phase: string
  /** Which telling it has heard last; 0 for none. */
  telling: number
  home: string
  isUnsettled: boolean
}
export type SeenCopies = ReadonlyMap<string, Partial<Both<SeenCopy>>>

/**
 * `spec.replica` of both Clusters of a cluster; they are only looked at while it is not known where the primaries are. With
 * it comes what a hub that was put back has to find there: which telling it is, whose the primaries are or were until they
 * were on their way, and whether these have to be made anew.
 */
export type Told =
  | 'look'
  | (Both<{ primary: string; source: string; token: string }> & {
      telling: number
      home: string
      isUnsettled: boolean
    })

export type TopologySpec = {
  /** Clusters with a copy of both databases. */
  members: readonly string[]
  /** Where the primaries should be; where they are, when empty. */
  wanted: string
  /** The turn whose primary is given up, with what it alone has. */
  acceptLossOf: number | undefined
  lostAfterMs: number
  /** Whether the home cannot be reached. */
  isHomeLost: boolean
  /** Whether every edge follows what it was told last. */
  isFollowed: boolean
  /** What the hub's works tell those that can be told. */
  works: ReadonlyMap<string, Told | undefined>
  /** Turns begin after this one. */
  epoch: number
  /** Orders a second. */
  demand: number | undefined
}

export type TopologyDecision = {
  topology: Topology | undefined
  told: ReadonlyMap<string, Told>
  said: readonly string[]
}

/** One look at the databases; what is said goes into the fleet's timeline. */
export type Look = { spec: TopologySpec; seen: SeenCopies; nowMs: number; said: string[] }

/** After so long it is said what is waited for. */
const tellAfterMs = 60_000
export const noTokens: Both<string> = { 'order-db': '', 'book-db': '' }

/** Whether it is ready, and has been promoted by the token that it was given. */
export const hasTaken = ({ given, taken, ready }: SeenCopy, token: string): boolean =>
  ready > 0 && given === token && (token === '' || taken === token)

/** The same again as long as all are told the same; a later telling than anybody has heard where they are not. */
export function telling({ spec, seen }: Look, topology: Topology, before: Topology | undefined): Topology {
  const words = (of: Topology) => JSON.stringify([...toldBy(spec.members, { ...of, telling: 0 })])
  if (before?.telling !== undefined && words(before) === words(topology)) return topology
  return { ...topology, telling: Math.max(before?.telling ?? 0, lastHeard(seen)) + 1 }
}

/** The latest telling that any Cluster has heard. */
export const lastHeard = (seen: SeenCopies): number =>
  Math.max(0, ...[...seen.values()].flatMap((each) => Object.values(each).map(({ telling }) => telling)))

/** What every member is told; the same again as long as it is the same. */
export function toldBy(
  members: readonly string[],
  topology: Topology | undefined,
): ReadonlyMap<string, Told> {
  if (topology === undefined) return new Map(members.map((name) => [name, 'look']))
  const { home, step, to, tokens, unsettled, isAgain, telling } = topology
  return new Map(
    members.map((name): [string, Told] => {
      const isMoving = step === 'demoting' || step === 'fencing' || step === 'promoting'
      const isUnsettled = Object.hasOwn(unsettled, name)
      const leaves = name === home || isUnsettled
      const isPromoted = (step === 'promoting' || (step === 'fencing' && isAgain)) && name === to
      const primary = isMoving && (leaves || isPromoted) ? to : home
      // The next primary has the last of the log from the one before. A primary names one as well, and receives nothing.
      const other = isPromoted && home !== name ? home : members.find((each) => each !== name)
      const source = primary === name ? (other ?? name) : primary
      const isGiven = isPromoted || (name === home && primary === home)
      return [
        name,
        {
          ...both((each) => ({ primary, source, token: isGiven ? tokens[each] : '' })),
          telling,
          home,
          isUnsettled,
        },
      ]
    }),
  )
}

/**
 * Who takes what changes something: the cluster whose own primaries are those of the turn. None does while nobody knows
 * which those are.
 */
export const takesWrites = ({ home, step }: Topology, name: string): boolean =>
  name === home && step !== 'fencing' && step !== 'promoting'

export const enter = (
  topology: Topology,
  step: Topology['step'],
  nowMs: number,
  to: Partial<Topology> = {},
) => ({
  ...topology,
  ...{ step, sinceMs: nowMs, trouble: undefined, lostSinceMs: undefined },
  ...to,
})

/** Goes on waiting; after a while it says for what. */
export function waiting({ nowMs, said }: Look, topology: Topology, trouble: string): Topology {
  if (nowMs - topology.sinceMs < tellAfterMs) return topology
  if (trouble !== topology.trouble) said.push(`databases: ${trouble}; it is waited for`)
  return { ...topology, trouble }
}

export const both = <T>(of: (database: KeptDatabase) => T): Both<T> => ({
  'order-db': of('order-db'),
  'book-db': of('book-db'),
})

export const without = <T>(all: Readonly<Record<string, T>>, name: string): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(([each]) => each !== name))
