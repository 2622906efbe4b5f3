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
/** One that will not start on what it has is made anew after so many tries. */
const startsMax = 3

export function keepReplica(set: DatabaseSet, member: Member, onChange: () => void): Replica {
  let working: Promise<void> | undefined
  let failures = 0
  let notBeforeMs = 0
  let wellMs = performance.now()

  const work = async (isAnew: boolean) => {
    const primary = set.primary()
    // While nobody may follow it yet, what the others have is what their votes are about.
    if (set.record.isComing) return void (member.kept() === 'replica' && (await member.start()))
    if (isAnew || member.kept() !== 'replica') {
      // Copies are made one by one while a quorum follows: they take what the store needs for selling.
      if (set.copying.size > 0 && followersOf(set) >= set.quorum) return
      // From here on it has nothing, and no vote.
      set.note({ followers: set.record.followers.filter((number) => number !== member.number) })
      await member.fence()
      const from = { url: primary.url('postgres'), cluster: primary.cluster }
      const goesOn = () => primary === set.primary()
      set.copying.add(member)
      try {
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
    working = work(isAnew)
      .then(() => {
        failures = 0
      })
      .catch((error: Error) => {
        if (set.isStopped()) return
        const waitMs = restartWaitMs(failures++, Math.random())
        notBeforeMs = performance.now() + waitMs
        set.options.log.line(
          member.name,
          `replica: ${error.message}; again in ${(waitMs / 1000).toFixed(1)} s`,
        )
      })
      .finally(() => {
        working = undefined
        onChange()
      })
  }
  return {
    tend(lost) {
      if (working || set.isStopped() || performance.now() < notBeforeMs || member === set.primary()) return
      if (!member.process) return begin(member.kept() !== 'replica' || failures > startsMax)
      if (lost !== undefined) return void member.fence()
      if (follows(set, member)) wellMs = performance.now()
      else if ((member.isAstray || performance.now() - wellMs > astrayAfterMs) && set.primary().answer) {
        set.options.log.line(member.name, 'cannot follow the primary any more; it is made anew')
        wellMs = performance.now()
        begin(true)
      }
    },
    idle: async () => await working,
  }
}

/** Notes that it has followed this primary, which gives it a vote. */
function follows(set: DatabaseSet, member: Member): boolean {
  const { answer } = member
  const primary = set.primary().answer
  if (!answer || !primary || primary.isReplica || set.record.isComing || answer.receives !== primary.timeline)
    return false
  if (!set.record.followers.includes(member.number))
    set.note({ followers: [...set.record.followers, member.number] })
  return true
}
