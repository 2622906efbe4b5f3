import type { SeenCopies, SeenCopy, TopologySpec } from '../../src/services/fleet/decisions/topology.ts'

/** Clusters with a copy of both databases. */
export const members = ['north', 'south', 'west']

/** What CloudNativePG says of a database that is well, and whose primary is at north. */
export const usualCopy: SeenCopy = {
  ...{ primary: 'north', given: '', demotionToken: '', taken: '', uid: 'first', system: '7', phase: '' },
  ...{ ready: 1, timeline: 0, telling: 0, home: 'north', isUnsettled: false },
}

export const usualSpec: TopologySpec = {
  ...{ members, wanted: '', acceptLossOf: undefined, lostAfterMs: 5_000, isHomeLost: false },
  ...{ isFollowed: true, works: new Map(), epoch: 3, demand: 7 },
}

/** What all say: as `copy`, but for what a test says of some, and of their books where that is something else. */
export const copiesOf = (
  copy: SeenCopy,
  of: Record<string, Partial<SeenCopy>> = {},
  bookDb = of,
): SeenCopies =>
  new Map(
    members.map((name) => [
      name,
      { 'order-db': { ...copy, ...of[name] }, 'book-db': { ...copy, ...bookDb[name] } },
    ]),
  )
