import { chooseSuccessor, type Vote } from '#kernel/succession'
import { becomePrimary, type DatabaseSet, isSameSet } from './database-set.ts'
import type { Member } from './member.ts'

const lookAgainMs = 20
/** A primary that died and whose replicas cannot be asked is started again where it was: nothing is newer than it. */
const inPlaceAfterMs = 3_000
const handOverGraceMs = 10_000
const checkpointLimitMs = 20_000

/**
 * Fences the primary, makes the replica that is furthest the next one, and lets the others follow it.
 * @param to set when it is planned: the number of the next one, if it may choose no other
 */
export async function replacePrimary(set: DatabaseSet, why: string, to?: number | 'any'): Promise<void> {
  const old = set.primary()
  // What it has to write before it can end is written while it still sells.
  if (to !== undefined) await old.ask('CHECKPOINT', checkpointLimitMs)
  const startedMs = performance.now()
  set.say(`${why}; another one becomes the primary`)
  if (to !== undefined) await old.stop(handOverGraceMs)
  // Nobody is made the primary while anything of the old one may still run.
  while (!(await old.fence())) set.say('cannot be ended; nobody takes its place until it is')

  const chosen = await successor(set, to)
  if (chosen === undefined) {
    if (set.isStopped()) return
    set.say('too few replicas can be asked; it is started again where it was')
    await old.start()
    return
  }
  // Who has begun to become the primary has no vote any more, should it fail.
  const followers = set.record.followers.filter((each) => ![old.number, chosen.number].includes(each))
  set.note({ term: set.record.term + 1, primary: chosen.number, followers, isComing: true })
  await becomePrimary(set)
  const tookMs = Math.round(performance.now() - startedMs)
  set.note({ last: { at: new Date().toISOString(), why, tookMs, from: old.number } })
  set.say(`is the primary now, after ${(tookMs / 1000).toFixed(2)} s`)
}

/** Asks the replicas until enough of them say how far they are; undefined when that takes too long. */
async function successor(set: DatabaseSet, to: number | 'any' | undefined): Promise<Member | undefined> {
  const giveUpMs = performance.now() + inPlaceAfterMs
  while (performance.now() < giveUpMs && !set.isStopped()) {
    await Promise.all(set.others().map((member) => member.look()))
    const votes = set.others().flatMap((member) => voteOf(set, member))
    const choice = chooseSuccessor({ replicas: set.others().length, quorum: set.quorum }, votes)
    if (choice.kind === 'promote')
      return set.others().find(({ name }) => name === wanted(set, votes, choice.name, to))
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
  }
  return undefined
}

/** One that was asked for by name has to be as far as the furthest. */
function wanted(
  set: DatabaseSet,
  votes: readonly Vote[],
  chosen: string,
  to: number | 'any' | undefined,
): string {
  const asked = set.others().find(({ number }) => number === to)?.name
  const [a, b] = [asked, chosen].map((name) => votes.find((vote) => vote.name === name))
  return a !== undefined && b !== undefined && a.lsn >= b.lsn ? a.name : chosen
}

function voteOf(set: DatabaseSet, member: Member): Vote[] {
  const { answer, name, number } = member
  // One that has just started reads its own log first, and says how far it has come with that.
  if (!answer?.isReplica || !(member.isExact || answer.isThrough)) return []
  return [
    {
      name,
      timeline: set.record.term,
      lsn: answer.position,
      hasFollowed: isSameSet(set) && set.record.followers.includes(number),
      stillReceives: answer.receives !== undefined,
    },
  ]
}
