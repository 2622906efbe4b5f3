import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { votesNeeded } from '#kernel/succession'
import { PostgresUnavailable } from '../postgres-binaries.ts'
import { socketFolder, urlOf } from '../postgres-server.ts'
import type { Supervised } from '../supervised-role.ts'
import {
  becomePrimary,
  type DatabaseSet,
  databaseLimits,
  folderOf,
  followersOf,
  isSameSet,
  openSet,
  type ReplicatedOptions,
} from './database-set.ts'
import type { Member } from './member.ts'
import { keepReplica, type Replica } from './replica.ts'
import { withoutRoom } from './room.ts'
import { replacePrimary } from './succeed.ts'

export type ReplicatedPostgres = {
  /** Names every server; whoever opens it finds the primary. */
  url: string
  servers: readonly Supervised[]
}

/** So long replicas may be too few before new writes are refused: after a failover they come back one by one. */
const withoutQuorumMs = 2_000
const quorumLimitMs = 60_000
/** So long a start waits for the first replicas alone. */
const quorumFirstMs = 10_000

/**
 * Runs a database as one primary and its replicas, and makes another one the primary when it dies or freezes. A commit
 * is acknowledged when a quorum of replicas has it.
 * @throws PostgresUnavailable when the first start fails
 */
export async function superviseReplicated(options: ReplicatedOptions): Promise<ReplicatedPostgres> {
  const { path, database, password } = options
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const stopping = new AbortController()
  const signals = options.signal ? [options.signal, stopping.signal] : [stopping.signal]
  let wake = () => {}
  const onEvent = () => {
    wake()
    options.onChange()
  }
  const set = openSet(options, AbortSignal.any(signals), onEvent)
  const replicas = new Map<Member, Replica>(
    set.members.map((member) => [member, keepReplica(set, member, onEvent)]),
  )
  const stopOne = (member: Member) => async (graceMs: number) => {
    stopping.abort()
    wake()
    await replicas.get(member)?.idle()
    await member.stop(graceMs)
  }
  const servers = set.members.map(
    (member): Supervised => ({
      name: member.name,
      get process() {
        return member.process
      },
      stop: stopOne(member),
    }),
  )
  try {
    await startFirst(set, replicas)
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop(1_000)))
    throw error
  }
  const napping = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  // One that was asked of a store that has ended since is nobody's wish any more.
  rmSync(switchRequest(set), { force: true })
  void watch(set, replicas, napping)
  const sockets = set.members.map(({ number }) => socketFolder(folderOf(path, number)))
  return { url: urlOf(database, password, sockets), servers }
}

const switchRequest = (set: DatabaseSet) => join(set.options.path, 'switchover.json')

/** Starts the primary that is on record, then its replicas; resolves when the database takes writes. */
async function startFirst(set: DatabaseSet, replicas: Map<Member, Replica>): Promise<void> {
  const primary = set.primary()
  const hasBegun = set.members.some((member) => member !== primary && member.kept() !== 'nothing')
  const { term, servers, followers } = set.record
  const isNew = term === 1 && servers === undefined && followers.length === 0 && !hasBegun
  set.note({})
  // A server that was interrupted on its way to becoming the primary is still a replica.
  const isHeld = await primary.start({ mayMake: isNew }).then(
    () => true,
    (error: Error) => {
      const replicasThen = (servers?.length ?? 1) - 1
      // Whoever was no part of the set when it last ran may lack what was acknowledged then.
      if (!isSameSet(set) && replicasThen > 0)
        throw new PostgresUnavailable(
          `${error.message}; start it with --replicas ${replicasThen}, as it last ran: then a replica can take its place`,
        )
      if (isNew || !isSameSet(set) || set.others().length === 0) throw error
      set.say(`does not start: ${error.message}`)
      return false
    },
  )
  if (isHeld) await becomePrimary(set)
  else await replaceFirst(set, replicas)
  const startedMs = performance.now()
  while (!(await hasQuorum(set))) {
    const tookMs = performance.now() - startedMs
    if (tookMs > quorumLimitMs || set.isStopped())
      throw new PostgresUnavailable(`${set.options.name}: its replicas did not come up`)
    // A store opens with a quorum; the others come up beside it.
    const wanted = set.others().slice(0, tookMs > quorumFirstMs ? undefined : set.quorum)
    for (const member of wanted) replicas.get(member)?.tend()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await set.primary().ensureDatabase(set.options.database)
}

/** Replicas that have a place to take need time to start. */
async function replaceFirst(set: DatabaseSet, replicas: Map<Member, Replica>): Promise<void> {
  const giveUpMs = performance.now() + quorumLimitMs
  for (;;) {
    for (const member of set.others()) replicas.get(member)?.tend()
    try {
      return await replacePrimary(set, 'did not start')
    } catch (error) {
      if (performance.now() > giveUpMs || set.isStopped()) throw error
    }
  }
}

async function hasQuorum(set: DatabaseSet): Promise<boolean> {
  await Promise.all(set.members.map((member) => member.look()))
  return followersOf(set) >= set.quorum
}

/** Looks after the database until it is stopped. */
async function watch(set: DatabaseSet, replicas: Map<Member, Replica>, nap: (ms: number) => Promise<void>) {
  let quorumMs = performance.now()
  while (!set.isStopped()) {
    try {
      await round()
    } catch (error) {
      set.say(`looking after the database failed, it goes on: ${(error as Error).message}`)
    }
    // One that is silent is asked again at once: a second of that, and another one takes its place.
    const isSilent = set.primary().answer === undefined
    await nap(isSilent ? 10 : (set.options.limits ?? databaseLimits).probeEveryMs)
  }

  async function round(): Promise<void> {
    const primary = set.primary()
    const others = set.others()
    const looks = others.map((member) => member.look())
    const lost = (await primary.look()) ?? withoutRoom(set)
    if (set.isStopped()) return
    if (lost !== undefined) await replacePrimary(set, lost)
    else if (primary.answer?.isReplica || set.toldTerm !== set.record.term) await becomePrimary(set)
    await switchIfAsked(set)
    const reasons = await Promise.all(looks)
    for (const [index, member] of others.entries()) replicas.get(member)?.tend(reasons[index])
    if (primary !== set.primary() || followersOf(set) >= set.quorum) quorumMs = performance.now()
    const may = performance.now() - quorumMs < withoutQuorumMs
    if (primary === set.primary() && primary.answer) sayQuorum(set, primary, may)
  }
}

function sayQuorum(set: DatabaseSet, primary: Member, may: boolean): void {
  if (!primary.takeWrites(may)) return
  set.say(
    may
      ? 'enough replicas are there again; it takes writes'
      : `fewer than ${set.quorum} replicas follow; it takes no writes until they are back, reads go on`,
  )
}

/** A planned change is asked for by a file: `{"to": 3}`, or `{}` for whoever is furthest. It waits until it is safe. */
async function switchIfAsked(set: DatabaseSet): Promise<void> {
  const file = switchRequest(set)
  if (!existsSync(file)) return
  const ready = set
    .others()
    .filter(({ number, answer, isExact }) => answer && isExact && set.record.followers.includes(number))
  if (ready.length < Math.max(1, votesNeeded(set.others().length, set.quorum))) return
  const { to } = JSON.parse(readFileSync(file, 'utf8')) as { to?: number }
  if (to !== undefined && !ready.some(({ number }) => number === to)) return
  rmSync(file, { force: true })
  await replacePrimary(set, 'was asked to hand over', to ?? 'any')
}
