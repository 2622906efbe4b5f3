import { type Static, Type } from './type.ts'

/**
 * What those who keep a database's servers in several clusters are told by the fleet, and what they say. A turn is the
 * time in which one server is the primary; turns are numbered by the epoch, and nobody goes back to an earlier one.
 */
export const keptDatabases = ['order-db', 'book-db'] as const
export type KeptDatabase = (typeof keptDatabases)[number]

/** Turns are numbers of timelines too, and come one after the other. */
const epochMax = 1_000_000
const Epoch = Type.Integer({ minimum: 0, maximum: epochMax })
const Name = Type.String({ maxLength: 63 })

/** How far a server's log goes: the last turn whose beginning is in it, and the byte. Compared in this order. */
export const LogPosition = Type.Object({
  epoch: Epoch,
  /** A log sequence number, in decimal. */
  lsn: Type.String({ pattern: '^[0-9]{1,20}$' }),
})
export type LogPosition = Static<typeof LogPosition>

const membersMax = 9

/** What a server should be in a turn. */
export const Want = Type.Object({
  epoch: Epoch,
  /** `turned` receives from nobody any more and can confirm nothing: its vote on who comes next is final. */
  state: Type.Union([Type.Literal('turned'), Type.Literal('primary'), Type.Literal('replica')]),
  /** The cluster of this turn's primary; empty while nobody is. */
  primary: Name,
  /** Every server of the database, with where the others reach it. */
  members: Type.Array(Type.Object({ name: Name, address: Type.String({ maxLength: 300 }) }), {
    maxItems: membersMax,
  }),
  /** So many others have a commit on disk before it is acknowledged. */
  quorum: Type.Integer({ minimum: 0, maximum: membersMax }),
  /** The log that the primary began this turn with: who has more than that has what nobody else does. */
  from: Type.Union([LogPosition, Type.Null()]),
  /** It may make the database, where there has never been one. */
  isFirst: Type.Boolean(),
  /** The primary before hands over in peace: what it has on its way goes to the others first. */
  isPlanned: Type.Boolean(),
})
export type Want = Static<typeof Want>

/** What a server says of itself. */
export const KeptState = Type.Object({
  /** The turn that it goes by, and what it was told to be in it. */
  epoch: Epoch,
  state: Type.Union([Want.properties.state, Type.Literal('untold')]),
  primary: Name,
  /** Whether it is that: turned from everybody; or the primary, and what it has is with a quorum; or a replica that receives. */
  isAsTold: Type.Boolean(),
  isRunning: Type.Boolean(),
  hasData: Type.Boolean(),
  /** Whether it receives what the primary of its turn writes. */
  receives: Type.Boolean(),
  /** Null where it has no data, or cannot say. */
  position: Type.Union([LogPosition, Type.Null()]),
})
export type KeptState = Static<typeof KeptState>

export const untold: KeptState = {
  ...{ epoch: 0, state: 'untold', primary: '', isAsTold: false, isRunning: false },
  ...{ hasData: false, receives: false, position: null },
}

const states: readonly string[] = ['turned', 'primary', 'replica', 'untold'] satisfies KeptState['state'][]
const isEpoch = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= epochMax

/** What a cluster says of a server, where it makes sense; undefined otherwise: it may say anything, and stops nobody. */
export function readKeptState(value: unknown): KeptState | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { epoch, state, primary, isAsTold, isRunning, hasData, receives, position } = value as KeptState
  const flags = [isAsTold, isRunning, hasData, receives]
  if (!isEpoch(epoch) || !states.includes(state) || typeof primary !== 'string') return undefined
  if (flags.some((each) => typeof each !== 'boolean')) return undefined
  const isPosition =
    position === null ||
    (typeof position === 'object' && isEpoch(position.epoch) && /^[0-9]{1,20}$/.test(String(position.lsn)))
  if (!isPosition) return undefined
  return { epoch, state, primary, isAsTold, isRunning, hasData, receives, position }
}

/**
 * Whether a server may go by what it is told. It has promised the turn it is in: it goes back to no earlier one, never turns
 * for a turn that has begun, and takes no second primary in one.
 */
export function mayFollow(
  now: Pick<Want, 'epoch' | 'state' | 'primary'> | undefined,
  next: Pick<Want, 'epoch' | 'state' | 'primary'>,
): boolean {
  if (now === undefined || next.epoch > now.epoch) return true
  if (next.epoch < now.epoch) return false
  if (now.state === 'turned') return true
  return next.state === now.state && next.primary === now.primary
}

export function isFurther(a: LogPosition, b: LogPosition): boolean {
  return a.epoch === b.epoch ? BigInt(a.lsn) > BigInt(b.lsn) : a.epoch > b.epoch
}
