import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { quorumOf, votesNeeded } from '#kernel/succession'
import type { LivenessLimits } from '../liveness.ts'
import type { Log } from '../log.ts'
import { PostgresUnavailable } from '../postgres-binaries.ts'
import { socketFolder, urlOf } from '../postgres-server.ts'
import type { Supervised } from '../supervised-role.ts'
import { type Member, openMember, slotOf } from './member.ts'
import { keepReplica, type Replica } from './replica.ts'
import { withoutRoom } from './room.ts'
import { replacePrimary } from './succeed.ts'
import { readSuccession, type SuccessionRecord, writeSuccession } from './succession-record.ts'

export type ReplicatedOptions = {
  name: string
  database: string
  /** Folder of the first server; those of the others stand beside it, `book-db.2` and so on. */
  path: string
  password: string
  replicas: number
  log: Log
  signal?: AbortSignal
  onChange: () => void
  /** Server settings over the ones that replication needs. */
  settings?: Readonly<Record<string, string>>
  limits?: LivenessLimits
  /** How much room is left on the disk of a cluster, in bytes. */
  freeBytes?: (cluster: string) => number
}

export type ReplicatedPostgres = {
  /** Names every server; whoever opens it finds the primary. */
  url: string
  servers: readonly Supervised[]
}

/** What belongs to one database, for those who look after it. */
export type DatabaseSet = {
  readonly options: ReplicatedOptions
  readonly members: readonly Member[]
  readonly quorum: number
  record: SuccessionRecord
  /** The term whose primary everybody has been told to follow. */
  settledTerm: number
  /** Replicas that are being made by a copy of the primary. */
  readonly copying: Set<Member>
  readonly stopping: AbortSignal
  readonly isStopped: () => boolean
  primary(): Member
  others(): Member[]
  note(record: Partial<SuccessionRecord>): void
  say(text: string): void
}

export const databaseLimits: LivenessLimits = {
  probeEveryMs: 200,
  probeTimeoutMs: 400,
  idleMs: 700,
  busyMs: 20_000,
}
/** So long replicas may be too few before new writes are refused: after a failover they come back one by one. */
const withoutQuorumMs = 2_000
const quorumLimitMs = 60_000
const promoteLimitMs = 30_000
const promoteLookMs = 5
/** It may freeze on its way, and is asked again when it was only slow. */
const askLimitMs = 2_000
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
  void watch(set, replicas, napping)
  const sockets = set.members.map(({ number }) => socketFolder(folderOf(path, number)))
  return { url: urlOf(database, password, sockets), servers }
}

function openSet(options: ReplicatedOptions, stopping: AbortSignal, onChange: () => void): DatabaseSet {
  const isStopped = () => stopping.aborted
  const { path, name, replicas, log } = options
  const record = readSuccession(path) ?? { term: 1, primary: 1, followers: [] }
  const quorum = quorumOf(replicas)
  const numbers = memberNumbers(record.primary, replicas)
  const nameOf = (number: number) => (replicas === 0 ? name : `${name}.${number}`)
  const settings = { ...replicationSettings(numbers.map(nameOf), quorum), ...options.settings }
  const members = numbers.map((number) =>
    openMember({
      ...{ number, name: nameOf(number), path: folderOf(path, number), settings, onChange },
      password: options.password,
      limits: options.limits ?? databaseLimits,
      log: (line) => !isStopped() && log.line(nameOf(number), line),
      signal: stopping,
    }),
  )
  const set: DatabaseSet = {
    ...{ options, members, quorum, record, stopping, isStopped, settledTerm: 0, copying: new Set() },
    primary: () => members.find(({ number }) => number === set.record.primary) as Member,
    others: () => members.filter(({ number }) => number !== set.record.primary),
    note(change) {
      const next = { ...set.record, ...change, change: (set.record.change ?? 0) + 1 }
      writeSuccession(path, next)
      set.record = next
    },
    say: (text) => log.line(nameOf(set.record.primary), text),
  }
  return set
}

/** The primary, wherever it is, and those with the lowest numbers. */
function memberNumbers(primary: number, replicas: number): number[] {
  const others = Array.from({ length: replicas + 1 }, (_, index) => index + 1).filter(
    (each) => each !== primary,
  )
  return [primary, ...others.slice(0, replicas)].sort((a, b) => a - b)
}

const folderOf = (path: string, number: number) => (number === 1 ? path : `${path}.${number}`)

function replicationSettings(names: readonly string[], quorum: number): Record<string, string> {
  return {
    synchronous_standby_names:
      quorum === 0 ? '' : `ANY ${quorum} (${names.map((name) => `"${name}"`).join(', ')})`,
    // Slots of those who read the log as it is decoded live on in the next primary.
    ...{ wal_level: 'logical', sync_replication_slots: 'on', hot_standby_feedback: 'on' },
    ...{ wal_keep_size: '128MB', min_wal_size: '128MB', max_slot_wal_keep_size: '1GB' },
    ...{ wal_sender_timeout: '3s', wal_receiver_timeout: '3s', wal_retrieve_retry_interval: '100ms' },
    wal_receiver_status_interval: '1s',
  }
}

/** Starts the primary that is on record, then its replicas; resolves when the database takes writes. */
async function startFirst(set: DatabaseSet, replicas: Map<Member, Replica>): Promise<void> {
  const primary = set.primary()
  const hasBegun = set.members.some((member) => member !== primary && member.kept() !== 'nothing')
  const isNew = set.record.term === 1 && set.record.followers.length === 0 && !hasBegun
  set.note({})
  // A server that was interrupted on its way to becoming the primary is still a replica.
  const isHeld = await primary.start({ mayMake: isNew }).then(
    () => true,
    (error: Error) => {
      if (set.others().length < set.quorum || isNew) throw error
      set.say(`does not start: ${error.message}`)
      return false
    },
  )
  if (isHeld) await becomePrimary(set)
  else {
    for (const member of set.others()) replicas.get(member)?.tend()
    await replacePrimary(set, 'did not start')
  }
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

async function hasQuorum(set: DatabaseSet): Promise<boolean> {
  await Promise.all(set.members.map((member) => member.look()))
  return followersOf(set) >= set.quorum
}

export const followersOf = (set: DatabaseSet) =>
  set.primary().answer?.followers.filter(({ isStreaming }) => isStreaming).length ?? 0

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
    else if (primary.answer?.isReplica || set.settledTerm !== set.record.term) await becomePrimary(set)
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

/** Makes the server on record the primary, should it not be, and lets the others hang on to it. */
export async function becomePrimary(set: DatabaseSet): Promise<void> {
  const primary = set.primary()
  await primary.ask('SELECT pg_promote(false) WHERE pg_is_in_recovery()', askLimitMs)
  const giveUpMs = performance.now() + promoteLimitMs
  // `pg_promote` itself looks ten times a second whether it is done.
  for (let lost: string | undefined; primary.answer?.isReplica !== false; lost = await primary.look()) {
    if (lost !== undefined || performance.now() > giveUpMs || set.isStopped())
      throw new Error(`${primary.name} does not become the primary${lost ? `: it ${lost}` : ''}`)
    await new Promise((resolve) => setTimeout(resolve, promoteLookMs))
  }
  const slots = set.others().map(({ number }) => `'${slotOf(number)}'`)
  if (slots.length > 0)
    await primary.ask(
      `SELECT pg_create_physical_replication_slot(name, true) FROM unnest(ARRAY[${slots.join(', ')}]) AS name
        WHERE name NOT IN (SELECT slot_name FROM pg_replication_slots)`,
      askLimitMs,
    )
  await primary.ask(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
      WHERE slot_type = 'physical' AND slot_name ~ '^octavo_[0-9]+$' AND NOT active
        AND NOT slot_name = ANY (ARRAY[${slots.join(', ')}]::name[])`,
    askLimitMs,
  )
  // Nobody has followed it until here, so that it can have acknowledged nothing that the others do not have.
  if (set.record.isComing) set.note({ followers: [], isComing: undefined })
  for (const member of set.others()) member.follow(primary)
  set.settledTerm = set.record.term
}

/** A planned change is asked for by a file: `{"to": 3}`, or `{}` for whoever is furthest. It waits until it is safe. */
async function switchIfAsked(set: DatabaseSet): Promise<void> {
  const file = join(set.options.path, 'switchover.json')
  if (!existsSync(file)) return
  const ready = set.others().filter(({ number, answer }) => answer && set.record.followers.includes(number))
  if (ready.length < votesNeeded(set.others().length, set.quorum)) return
  const { to } = JSON.parse(readFileSync(file, 'utf8')) as { to?: number }
  rmSync(file, { force: true })
  await replacePrimary(set, 'was asked to hand over', to ?? 'any')
}
