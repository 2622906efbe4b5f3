import { type KeptDatabase, keptDatabases, type Want } from '#kernel/database-turn'
import { decideHome, type Member } from './home.ts'
import { note, type Round, serving } from './round.ts'

/**
 * Looks after where each database of the fleet has its primary. One that is lost is taken over also while the fleet is
 * paused; what is planned waits.
 */
export function keepHomes(round: Round): void {
  const { spec, seen, nowMs } = round
  if (spec.databases === undefined || spec.databases.operator !== undefined) return
  for (const database of keptDatabases) {
    const before = round.memory.homes[database]
    const states = seen.kept.get(database) ?? new Map()
    const look = {
      wanted: spec.paused ? '' : wantedHome(round, before?.cluster),
      members: membersOf(round, database),
      lostAfterMs: spec.databases.lostAfterMs,
    }
    const { home, wants, said } = decideHome(look, states, before, nowMs)
    for (const text of said) note(round, `${database}: ${text}`)
    if (home === undefined) continue
    round.memory = { ...round.memory, homes: { ...round.memory.homes, [database]: home } }
    for (const [cluster, want] of wants) {
      const state = states.get(cluster)
      if (state !== undefined && !isSame(state, want))
        round.actions.push({ kind: 'keep', cluster, database, want })
    }
  }
  heedEpoch(round)
}

/** Whether any database has its primary there, or is on its way. */
export const isHome = ({ memory }: Pick<Round, 'memory'>, cluster: string): boolean =>
  [
    ...Object.values(memory.homes),
    memory.topology && { ...memory.topology, cluster: memory.topology.home },
  ].some((home) => home?.cluster === cluster || home?.to === cluster)

/** Where it should be: away from a cluster that is taken out, and else where the fleet says. */
function wantedHome(round: Round, now: string | undefined): string {
  const { clusters, databases } = round.spec
  const isLeaving = (name: string) => {
    const found = clusters.find((each) => each.name === name)
    return found === undefined || found.intent !== 'serve'
  }
  const wanted = databases?.home ?? ''
  if (wanted !== '' && !isLeaving(wanted)) return wanted
  if (now === undefined) return wanted
  if (!isLeaving(now)) return now
  const others = clusters.filter(({ name, keeper }) => keeper !== undefined && !isLeaving(name))
  const next = others.find(({ name }) => serving(round, now).includes(name)) ?? others[0]
  return next?.name ?? ''
}

function membersOf({ spec }: Round, database: KeptDatabase): Member[] {
  return spec.clusters.flatMap(({ name, keeper }) =>
    keeper === undefined ? [] : [{ name, address: keeper.addresses[database] }],
  )
}

const isSame = (state: Pick<Want, 'epoch' | 'primary'> & { state: string }, want: Want): boolean =>
  state.epoch === want.epoch && state.state === want.state && state.primary === want.primary

/** Edges go by the turn of OrderDb's primary: they follow no picture of an earlier one. */
function heedEpoch(round: Round): void {
  const epoch = Math.max(round.memory.epoch, round.memory.homes['order-db']?.epoch ?? 0)
  if (epoch === round.memory.epoch) return
  round.memory = { ...round.memory, epoch, revision: round.memory.revision + 1 }
}

/**
 * A hub that was put back to an earlier day knows less than the edges: what it says next has to be later than all they have
 * heard, or they would not follow it and it would think that they do.
 * @returns whether it has been put back
 */
export function heedEdges(round: Round): boolean {
  const { heard } = round.seen
  const { revision, epoch } = round.memory
  if (heard.revision <= revision && heard.epoch <= epoch) return false
  note(
    round,
    `edges follow revision ${heard.revision} and turn ${heard.epoch}: this hub has been put back to an earlier day`,
  )
  round.memory = {
    ...round.memory,
    revision: Math.max(revision, heard.revision) + 1,
    epoch: Math.max(epoch, heard.epoch),
  }
  return true
}
