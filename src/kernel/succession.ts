/** A moment in a database's history: which primary's writing, and how far into it. */
export type Position = { timeline: number; lsn: bigint }

/** What one replica says when the primary is lost. */
export type Vote = Position & {
  name: string
  /** It has followed the primary that was lost: what it says of its position is about that one's writing. */
  hasFollowed: boolean
  /** It may still receive from the primary that was lost, and confirm what that one acknowledges. */
  stillReceives: boolean
}

export type Succession =
  | { kind: 'promote'; name: string }
  /** Nobody may be promoted yet. */
  | { kind: 'wait'; why: string }

/**
 * How many replicas confirm a commit before it is acknowledged. A lone replica has to; of more, half do, so that one
 * that is away stops nobody.
 */
export function quorumOf(replicas: number): number {
  return replicas === 0 ? 0 : Math.max(1, Math.ceil(replicas / 2))
}

/** How many replicas have to be heard, so that one of them has whatever any quorum has confirmed. */
export function votesNeeded(replicas: number, quorum: number): number {
  return replicas - quorum + 1
}

/**
 * Who becomes the primary. Safe with the old one alive somewhere: so many replicas have turned from it that those left
 * are no quorum, and it can acknowledge nothing any more; and among them is one that has everything it ever did.
 * Source: D. Gifford, "Weighted Voting for Replicated Data", 1979 (quorums that intersect).
 * @param replicas how many there are, whether they answer or not
 */
export function chooseSuccessor(
  { replicas, quorum }: { replicas: number; quorum: number },
  votes: readonly Vote[],
): Succession {
  const valid = votes.filter((vote) => vote.hasFollowed && !vote.stillReceives)
  const needed = votesNeeded(replicas, quorum)
  if (valid.length < needed || valid.length === 0)
    return {
      kind: 'wait',
      why: `${valid.length} of ${Math.max(1, needed)} replicas that are needed can be asked`,
    }
  const [first, ...others] = valid as [Vote, ...Vote[]]
  const best = others.reduce((best, vote) => (isAhead(vote, best) ? vote : best), first)
  return { kind: 'promote', name: best.name }
}

/** Of two that are as far, the one whose name comes first, so that whoever asks gets the same answer. */
function isAhead(a: Position & { name: string }, b: Position & { name: string }): boolean {
  if (a.timeline !== b.timeline) return a.timeline > b.timeline
  return a.lsn === b.lsn ? a.name < b.name : a.lsn > b.lsn
}
