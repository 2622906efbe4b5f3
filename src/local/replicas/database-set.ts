import { quorumOf } from '#kernel/succession'
import type { LivenessLimits } from '../liveness.ts'
import type { Log } from '../log.ts'
import { type Member, openMember, slotOf } from './member.ts'
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

/** What belongs to one database, for those who look after it. */
export type DatabaseSet = {
  readonly options: ReplicatedOptions
  readonly members: readonly Member[]
  readonly quorum: number
  record: SuccessionRecord
  /** The term whose primary everybody has been told to follow. */
  toldTerm: number
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
const promoteLimitMs = 30_000
const promoteLookMs = 5
/** It may freeze on its way, and is asked again when it was only slow. */
const askLimitMs = 2_000

export function openSet(
  options: ReplicatedOptions,
  stopping: AbortSignal,
  onChange: () => void,
): DatabaseSet {
  const isStopped = () => stopping.aborted
  const { path, name, replicas, log } = options
  const record = readSuccession(path) ?? { term: 1, primary: 1, followers: [] }
  const quorum = quorumOf(replicas)
  const numbers = memberNumbers(record, replicas)
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
    ...{ options, members, quorum, record, stopping, isStopped, toldTerm: 0, copying: new Set() },
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

/** Those that it was of, if they are as many; otherwise the primary, wherever it is, and those with the lowest numbers. */
function memberNumbers({ primary, servers }: SuccessionRecord, replicas: number): number[] {
  if (servers?.length === replicas + 1 && servers.includes(primary)) return servers
  const others = Array.from({ length: replicas + 1 }, (_, index) => index + 1).filter(
    (each) => each !== primary,
  )
  return [primary, ...others.slice(0, replicas)].sort((a, b) => a - b)
}

export const folderOf = (path: string, number: number) => (number === 1 ? path : `${path}.${number}`)

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

/** Whether these servers are those that have confirmed what was acknowledged. Others know nothing of it. */
export const isSameSet = ({ record, members }: DatabaseSet) =>
  record.servers?.join() === numbersOf(members).join()

const numbersOf = (members: readonly Member[]) => members.map(({ number }) => number)

export const followersOf = (set: DatabaseSet) =>
  set.primary().answer?.followers.filter(({ isStreaming }) => isStreaming).length ?? 0

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
  // Nobody has followed it until here, so that it can have acknowledged nothing that the others do not have. Where the
  // number of replicas was changed, they have to follow anew: what was acknowledged before may be on others alone.
  if (set.record.isComing || !isSameSet(set))
    set.note({ followers: [], isComing: undefined, servers: numbersOf(set.members) })
  for (const member of set.others()) member.follow(primary)
  await primary.ask(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
      WHERE slot_type = 'physical' AND slot_name ~ '^octavo_[0-9]+$' AND NOT active
        AND NOT slot_name = ANY (ARRAY[${slots.join(', ')}]::name[])`,
    askLimitMs,
  )
  set.toldTerm = set.record.term
}
