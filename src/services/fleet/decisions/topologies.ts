import { decideTopology } from './move-databases.ts'
import { look, note, type Round, serving, stateOf } from './round.ts'
import { type SeenCopies, type Told, type Topology, takesWrites } from './topology.ts'

/** How long a cluster with the primaries that is revoked has to end them in peace. */
export const revokeWaitMs = 60_000

/**
 * Looks after databases that CloudNativePG keeps in several clusters.
 * @param isPutBack whether edges follow something later than this hub knows of: it looks anew before it tells anything
 */
export function keepTopology(round: Round, isPutBack: boolean): void {
  const { databases, clusters, paused } = round.spec
  const { operator } = databases ?? {}
  if (databases === undefined || operator === undefined) return
  const members = operator.clusters.filter((name) => clusters.some((each) => each.name === name))
  if (isPutBack && round.memory.topology !== undefined) forget(round)
  const before = round.memory.topology
  const wanted = paused || isJudged(round) ? '' : wantedHome(round, members)
  const { topology, told, said } = decideTopology(
    {
      ...{ members, wanted, lostAfterMs: databases.lostAfterMs },
      // Accepted for the cluster that somebody has named, and for none that is chosen because that one is taken out.
      acceptLossOf: wanted === databases.home ? databases.acceptLossOf : undefined,
      isHomeLost: before !== undefined && isLost(round, before.home),
      isFollowed: round.seen.followed !== undefined && round.seen.followed >= round.memory.revision,
      works: new Map(
        members.filter((name) => canBeTold(round, name)).map((name) => [name, toldOn(round, name)]),
      ),
      ...{ epoch: round.memory.epoch, demand: round.seen.demand },
    },
    copiesOf(round, members),
    before,
    round.nowMs,
  )
  if (topology === undefined && before !== undefined) forget(round)
  for (const text of said)
    if (before !== undefined || !round.memory.timeline.some((each) => each.text === text)) note(round, text)
  if (topology !== undefined) remember(round, topology)
  if (topology !== undefined && topology.step !== 'steady' && !isHeard(round)) return
  for (const [cluster, wanted] of told) {
    if (!canBeTold(round, cluster) || isSame(toldOn(round, cluster), wanted)) continue
    const { version } = look(round, cluster)?.databases ?? {}
    round.actions.push({ kind: 'tell-databases', cluster, told: wanted, version })
  }
}

/** Until it is known again, what changes something goes where edges of the latest turn send it. */
function forget(round: Round): void {
  const writers = round.spec.clusters
    .map(({ name }) => name)
    .filter((name) => look(round, name)?.edge?.takesWrites === true)
  const { revision } = round.memory
  round.memory = { ...round.memory, topology: undefined, writers, revision: revision + 1 }
}

/** Nothing of a move is told that no edge has kept the news of: should the hub be put back, it is known by that. */
const isHeard = ({ seen, memory }: Round): boolean => seen.heard.revision >= memory.revision

/** Edges hear of every turn, of all that clusters are told in it, who has to be made anew too, and of who takes changes. */
function remember(round: Round, topology: Topology): void {
  const { memory, spec } = round
  const writersOf = (of: Topology | undefined) =>
    spec.clusters.flatMap(({ name }) => (of === undefined || takesWrites(of, name) ? [name] : [])).join()
  const epoch = Math.max(memory.epoch, topology.epoch)
  const isNews =
    epoch !== memory.epoch ||
    topology.telling !== memory.topology?.telling ||
    writersOf(memory.topology) !== writersOf(topology)
  const revision = memory.revision + (isNews ? 1 : 0)
  round.memory = { ...memory, topology, epoch, revision, writers: undefined }
}

/**
 * The turn that a cluster is told of: one that was given up hears of no later one before it has ended its primaries, nor one
 * that may be that while nobody knows.
 */
export function epochOf(round: Round, cluster: string): number {
  const { topology, writers, epoch } = round.memory
  if (topology === undefined && writers !== undefined && !writers.includes(cluster))
    return look(round, cluster)?.work?.epoch ?? 0
  return topology?.unsettled[cluster]?.epoch ?? epoch
}

/** Whether it has the primaries, or is about to: what keeps it from ending them may pass, as right after a move. */
export function isEnding(round: Round, cluster: string): boolean {
  const { topology } = round.memory
  const isHome = topology?.home === cluster || (topology?.step !== 'steady' && topology?.to === cluster)
  return isHome && canBeTold(round, cluster)
}

/** Has work whatever the demand is: nothing can be changed anywhere else. */
export function homesToServe({ spec, memory }: Pick<Round, 'spec' | 'memory'>): string[] {
  const { operator, home = '' } = spec.databases ?? {}
  if (operator === undefined) return []
  return [memory.topology?.home ?? '', home].filter(
    (name) => spec.clusters.find((each) => each.name === name)?.intent === 'serve',
  )
}

/**
 * The cluster that has the wanted version first, where CloudNativePG has the databases: their home, which alone takes orders,
 * so that a version is judged by them before another cluster has it. Nobody but its program could migrate them either.
 */
export function firstAtHome({ spec, memory }: Pick<Round, 'spec' | 'memory'>): string | undefined {
  const { home } = memory.topology ?? {}
  return home === undefined || memory.clusters[home]?.version === spec.version ? undefined : home
}

/** Where the primaries should be: away from a cluster that is taken out, and else where the fleet says. */
function wantedHome(round: Round, members: readonly string[]): string {
  const { spec, memory } = round
  const { home: wanted = '' } = spec.databases ?? {}
  const isLeaving = (name: string) => spec.clusters.find((each) => each.name === name)?.intent !== 'serve'
  if (wanted !== '' && !isLeaving(wanted)) return wanted
  const now = memory.topology?.home
  if (now === undefined || !isLeaving(now)) return now ?? wanted
  const others = members.filter((name) => name !== now && !isLeaving(name))
  return others.find((name) => serving(round, now).includes(name)) ?? others[0] ?? ''
}

/**
 * Whether a version is being judged where the databases are: nowhere else would it be judged by orders, and what it is
 * migrating would be half done. It is not waited for where the cluster is lost or revoked.
 */
function isJudged(round: Round): boolean {
  const { rollout, topology } = round.memory
  if (rollout === undefined || rollout.cluster !== topology?.home || rollout.step === 'rolling-back')
    return false
  const { intent = 'revoke' } = round.spec.clusters.find(({ name }) => name === topology.home) ?? {}
  return intent !== 'revoke' && !isLost(round, topology.home)
}

/** Edges find it down, or the hub does not hear of it. */
function isLost(round: Round, home: string): boolean {
  const seen = look(round, home)
  return seen?.edge?.isUp === false || seen?.isAvailable !== true
}

const canBeTold = (round: Round, name: string): boolean =>
  look(round, name)?.registration === 'accepted' && stateOf(round, name).phase !== 'revoked'

const toldOn = (round: Round, name: string): Told | undefined => look(round, name)?.databases?.told

/** While nobody knows where they are, what was said before the work was there as it is now may be of an earlier day. */
const copiesOf = (round: Round, members: readonly string[]): SeenCopies =>
  new Map(
    members.map((name) => {
      const { copies = {}, isApplied } = look(round, name)?.databases ?? {}
      return [name, isApplied || round.memory.topology !== undefined ? copies : {}]
    }),
  )

const isSame = (told: Told | undefined, wanted: Told): boolean =>
  JSON.stringify(told) === JSON.stringify(wanted)
