import { restartWaitMs } from '../supervised-role.ts'
import { cloneCluster } from './clone-cluster.ts'
import { type DatabaseSet, followersOf } from './database-set.ts'
import type { Member } from './member.ts'

/** Looks after one replica: starts it, and makes it anew when it cannot follow any more. */
export type Replica = {
  /** Call each round. @param lost why it counts as hung, or undefined */
  tend(lost?: string): void
  /** Resolves when nothing is being done to it. */
  idle(): Promise<void>
}

/** A replica that runs and does not follow for so long has lost its place in the primary's log, or parted from it. */
const astrayAfterMs = 6_000
/** One that will not start on what it has, or ends again before it follows, is made anew after so many tries. */
const startsMax = 3

export function keepReplica(set: DatabaseSet, member: Member, onChange: () => void): Replica {
  let working: Promise<void> | undefined
  /** Starts since it was last seen to follow. */
  let tries = 0
  let notBeforeMs = 0
  let wellMs = performance.now()
  const hasCaughtUp = openCatchUp(set, member)

  const work = async (isAnew: boolean) => {
    const primary = set.primary()
    // While nobody may follow it yet, what the others have is what their votes are about.
    if (set.record.isComing) return await member.start()
    if (isAnew) {
      set.copying.add(member)
      try {
        // From here on it has nothing, and no vote.
        set.note({ followers: set.record.followers.filter((number) => number !== member.number) })
        await member.fence()
        const from = { url: primary.url('postgres'), cluster: primary.cluster }
        const goesOn = () => primary === set.primary()
        await cloneCluster(from, member.cluster, { signal: set.stopping, goesOn })
      } finally {
        set.copying.delete(member)
      }
    }
    if (set.isStopped() || primary !== set.primary()) return
    member.follow(primary)
    await member.start()
    wellMs = performance.now()
  }
  const begin = (isAnew: boolean) => {
    // Copies are made one by one while a quorum follows: they take what the store needs for selling.
    const waits = set.record.isComing || (set.copying.size > 0 && followersOf(set) >= set.quorum)
    if (isAnew && waits) return
    const waitMs = restartWaitMs(tries++, Math.random())
    working = work(isAnew)
      .catch((error: Error) => {
        if (set.isStopped()) return
        set.options.log.line(
          member.name,
          `replica: ${error.message}; again in ${(waitMs / 1000).toFixed(1)} s`,
        )
      })
      .finally(() => {
        working = undefined
        notBeforeMs = performance.now() + waitMs
        onChange()
      })
  }
  const isHopeless = () => tries > startsMax && !set.record.isComing && set.primary().answer !== undefined
  return {
    tend(lost) {
      if (working || set.isStopped() || performance.now() < notBeforeMs || member === set.primary()) return
      if (!member.process) return begin(member.kept() !== 'replica' || isHopeless())
      if (lost !== undefined) {
        // What it has may be as good as ever.
        tries = 0
        return void member.fence()
      }
      if (follows(set, member, hasCaughtUp)) {
        wellMs = performance.now()
        tries = 0
      } else if ((member.isAstray || performance.now() - wellMs > astrayAfterMs) && set.primary().answer) {
        set.options.log.line(member.name, 'cannot follow the primary any more; it is made anew')
        wellMs = performance.now()
        begin(true)
      }
    },
    idle: async () => await working,
  }
}

/** Notes that it has followed this primary, which gives it a vote. */
function follows(set: DatabaseSet, member: Member, hasCaughtUp: () => boolean): boolean {
  const { answer } = member
  const primary = set.primary().answer
  if (!answer || !primary || primary.isReplica || set.record.isComing || answer.receives !== primary.timeline)
    return false
  if (!hasCaughtUp()) return true
  member.isExact = true
  if (!set.record.followers.includes(member.number))
    set.note({ followers: [...set.record.followers, member.number] })
  return true
}

/**
 * Whether a replica has, since it was started and since the primary became it, received as much as that one had when it
 * was first seen to follow. Until then it may be far behind, or have more on its disk than it says.
 */
function openCatchUp(set: DatabaseSet, member: Member): () => boolean {
  let seen: { process: unknown; term: number; position: bigint } | undefined
  return () => {
    const [own, primary] = [member.answer, set.primary().answer]
    if (own === undefined || primary === undefined) return false
    const { term } = set.record
    if (seen?.process !== member.process || seen?.term !== term)
      seen = { process: member.process, term, position: primary.position }
    return own.position >= seen.position
  }
}
