import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { cut } from '#ports/postgres'
import { openPrimary } from '../backup/base.ts'
import { LogGap } from './archive.ts'
import {
  coverage,
  endsOf,
  historyBefore,
  historyName,
  type LogPiece,
  type LogPosition,
  parsePosition,
  pieceKey,
  pieceOf,
  piecesBetween,
  segmentAt,
  segmentBytes,
  segmentStart,
  startOf,
} from './log-pieces.ts'
import type { SealedObjects } from './sealed-objects.ts'

/** Carries the log of one database into the archive, piece by piece, over changes of the primary. */
export type LogKeeper = Disposable & {
  readonly name: string
  /** How far the log is kept; undefined where nothing of it is. */
  readonly position: LogPosition | undefined
  /** A connection to the primary, made anew when it is lost. */
  connected(): Promise<pg.Client>
  /** How far the log is written now. */
  written(): Promise<LogPosition>
  /**
   * Keeps everything up to what is on the primary's disk now.
   * @throws LogGap when a part is gone that is not kept; ObjectStoreUnavailable, ObjectStoreFull
   */
  keep(): Promise<void>
  /** From now on the primary holds its log, whatever was kept before. */
  hold(): Promise<void>
  /** Begins anew with this file of the log: what was kept before leads nowhere. */
  beginAt(segment: string): void
  /** The connection is given up, also a silent one. */
  disconnect(): void
  /** Lets the primary throw its log away again. */
  letGo(): Promise<void>
}

/** So many pieces of one file become one. */
const piecesMax = 64

/** @param slot holds the log of a primary until it is kept, up to `max_slot_wal_keep_size` */
export async function openLogKeeper(
  { name, url, dataPath, slot }: { name: string; url: string; dataPath: string; slot: string },
  objects: SealedObjects,
): Promise<LogKeeper> {
  let position = await keptIn(objects, name)
  let pieces = position === undefined ? [] : await piecesOf(objects, name, segmentAt(position))
  let primary: { client: pg.Client; cluster: string } | undefined

  const connected = async () => {
    primary ??= await openPrimary(dataPath, name, url)
    await primary.client.query('SET synchronous_commit = on')
    return primary
  }
  const disconnect = () => {
    if (primary) cut(primary.client)
    primary = undefined
  }
  const written = async () => {
    const { client } = await connected()
    const { rows } = await client.query<{ file: string; lsn: string }>(
      'SELECT pg_walfile_name(pg_current_wal_flush_lsn()) AS file, pg_current_wal_flush_lsn()::text AS lsn',
    )
    return parsePosition(rows[0]?.file.slice(0, 8) ?? '', rows[0]?.lsn ?? '')
  }

  const keepPiece = async (cluster: string, piece: LogPiece, file: string) => {
    const content = await readStretch(join(cluster, 'pg_wal', file), piece)
    await objects.put(pieceKey(name, piece), content)
    const isNext = pieces[0]?.segment !== piece.segment
    pieces = isNext ? [piece] : [...pieces, piece]
    const { timeline, lsn } = startOf(piece.segment)
    position = { timeline, lsn: lsn + BigInt(piece.to) }
    if (pieces.length > 1 && (piece.to === segmentBytes || pieces.length > piecesMax))
      pieces = await joined(objects, name, join(cluster, 'pg_wal', file), pieces)
  }
  const keepUpTo = async (cluster: string, from: LogPosition, to: bigint, next?: number) => {
    for (const piece of piecesBetween(from, to)) {
      // A new primary begins its timeline with a copy of the file in which the last one ended.
      const copy = next === undefined ? undefined : segmentAt({ ...startOf(piece.segment), timeline: next })
      const file = (await isFile(cluster, piece.segment)) ? piece.segment : copy
      await keepPiece(cluster, piece, file ?? piece.segment)
    }
  }
  return {
    name,
    get position() {
      return position
    },
    connected: async () => (await connected()).client,
    written,
    async keep() {
      const { client, cluster } = await connected()
      await holdLog(client, slot)
      const end = await written()
      if (position === undefined) throw new LogGap(`nothing of the log of ${name} is kept yet`)
      if (end.timeline < position.timeline || (end.timeline === position.timeline && end.lsn < position.lsn))
        throw new LogGap(`the log of ${name} ends before what is kept of it`)
      if (end.timeline > position.timeline) {
        const history = await readFile(join(cluster, 'pg_wal', historyName(end.timeline)))
        // A restore looks for one timeline after the other, and takes the first that it does not find for the end.
        for (let timeline = position.timeline + 1; timeline < end.timeline; timeline++)
          await objects.put(
            `log/${name}/${historyName(timeline)}`,
            Buffer.from(historyBefore(history.toString(), timeline)),
          )
        await objects.put(`log/${name}/${historyName(end.timeline)}`, history)
        const ends = endsOf(history.toString()).filter((each) => each.timeline >= (position?.timeline ?? 0))
        for (const [index, { timeline, lsn }] of ends.entries()) {
          const next = ends[index + 1]?.timeline ?? end.timeline
          if (position.timeline === timeline) await keepUpTo(cluster, position, lsn, next)
          position = { timeline: next, lsn: segmentStart(lsn) }
        }
      }
      await keepUpTo(cluster, position, end.lsn)
      await client.query(
        `SELECT pg_replication_slot_advance(slot_name, $1::pg_lsn) FROM pg_replication_slots
          WHERE slot_name = '${slot}' AND restart_lsn < $1::pg_lsn`,
        [textOf(segmentStart(position.lsn))],
      )
    },
    async hold() {
      const { client } = await connected()
      await holdLog(client, slot)
    },
    beginAt(segment) {
      position = startOf(segment)
      pieces = []
    },
    disconnect,
    async letGo() {
      const { client } = await connected()
      await client.query(
        `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      )
    },
    [Symbol.dispose]: disconnect,
  }
}

/** Where the newest file in the archive ends. */
async function keptIn(objects: SealedObjects, name: string): Promise<LogPosition | undefined> {
  const segments = (await objects.list(`log/${name}/`)).flatMap((key) => pieceOf(key)?.segment ?? [])
  const last = segments.sort().at(-1)
  if (last === undefined) return undefined
  const { to } = coverage(await piecesOf(objects, name, last))
  const { timeline, lsn } = startOf(last)
  return { timeline, lsn: lsn + BigInt(to) }
}

async function piecesOf(objects: SealedObjects, name: string, segment: string): Promise<LogPiece[]> {
  return (await objects.list(`log/${name}/${segment}.`)).flatMap((key) => pieceOf(key) ?? [])
}

/** Has the primary keep its log until it is kept here; one that had to let go of it begins again. */
async function holdLog(client: pg.Client, slot: string): Promise<void> {
  const { rows } = await client.query<{ wal_status: string | null }>(
    `SELECT wal_status FROM pg_replication_slots WHERE slot_name = '${slot}'`,
  )
  if (rows[0]?.wal_status === 'lost') await client.query(`SELECT pg_drop_replication_slot('${slot}')`)
  if (rows[0] === undefined || rows[0].wal_status === 'lost')
    await client.query(`SELECT pg_create_physical_replication_slot('${slot}', true)`)
}

async function isFile(cluster: string, segment: string): Promise<boolean> {
  // Whether it can be opened is what is asked.
  const file = await open(join(cluster, 'pg_wal', segment), 'r').catch(() => undefined)
  await file?.close()
  return file !== undefined
}

/** @throws LogGap when the file is there no more */
async function readStretch(path: string, { from, to }: LogPiece): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    throw new LogGap(`${path} has gone before it was kept`, { cause })
  })
  try {
    const content = Buffer.alloc(to - from)
    let done = 0
    while (done < content.length) {
      const { bytesRead } = await file.read(content, done, content.length - done, from + done)
      if (bytesRead === 0) throw new LogGap(`${path} is shorter than the log says`)
      done += bytesRead
    }
    return content
  } finally {
    await file.close()
  }
}

/** Puts one piece in the place of many; should it break off, both are there and say the same. */
async function joined(
  objects: SealedObjects,
  name: string,
  path: string,
  pieces: readonly LogPiece[],
): Promise<LogPiece[]> {
  const [first] = pieces
  const { to } = coverage(pieces)
  if (first === undefined || to === 0) return [...pieces]
  const whole = { segment: first.segment, from: 0, to }
  await objects.put(pieceKey(name, whole), await readStretch(path, whole))
  for (const piece of pieces)
    if (pieceKey(name, piece) !== pieceKey(name, whole)) await objects.delete(pieceKey(name, piece))
  return [whole]
}

const textOf = (lsn: bigint) => `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`
