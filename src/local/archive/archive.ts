import { Readable } from 'node:stream'
import { SealBroken } from '../backup/sealed-file.ts'
import { coverage, type LogPiece, pieceKey, pieceOf, segmentBytes, startOf } from './log-pieces.ts'
import type { SealedObjects } from './sealed-objects.ts'

/** What a base says of itself; it is written when all of it is there. */
export type BaseNote = {
  id: string
  version: string
  /** The first moment that it can be brought to, together with the log. */
  from: string
  /** The databases, with the first file of the log that each needs. */
  databases: Record<string, string>
  parts: number
  bytes: number
}

/** How far the archive reaches: any moment up to it can be restored, both databases at once. */
export type Reach = { at: string }

/** The log breaks off: what comes after cannot be reached from a base before. */
export class LogGap extends Error {
  override name = 'LogGap'
}

export const partName = (id: string, part: number) => `base/${id}/${String(part).padStart(6, '0')}`
export const noteName = (id: string) => `base/${id}/note`
export const reachName = 'reach'
export const ownerName = 'owner'

/** The bases that are whole, oldest first. */
export async function basesIn(objects: SealedObjects): Promise<BaseNote[]> {
  const names = (await objects.list('base/')).filter((name) => name.endsWith('/note'))
  const notes = await Promise.all(names.map(async (name) => parse<BaseNote>(await objects.get(name))))
  return notes.sort((a, b) => (a.from < b.from ? -1 : 1))
}

export async function reachOf(objects: SealedObjects): Promise<string | undefined> {
  const found = await objects.find(reachName)
  return found && parse<Reach>(found).at
}

const parse = <T>(bytes: Buffer) => JSON.parse(bytes.toString()) as T

/** The bytes of a base, as they were packed. */
export function baseContent(objects: SealedObjects, { id, parts }: BaseNote): Readable {
  return Readable.from(
    (async function* () {
      for (let part = 1; part <= parts; part++) yield await objects.get(partName(id, part))
    })(),
  )
}

/** The pieces of a database's log by the file they are of. */
export async function logIn(objects: SealedObjects, database: string): Promise<Map<string, LogPiece[]>> {
  const pieces = (await objects.list(`log/${database}/`)).flatMap((key) => pieceOf(key) ?? [])
  return Map.groupBy(pieces, ({ segment }) => segment)
}

/**
 * A file of the log as far as it was kept, filled up with zeros, where its end is read; undefined when nothing was.
 * @param listed see `piecesFrom`
 */
export async function segmentFrom(
  objects: SealedObjects,
  database: string,
  segment: string,
  listed: readonly LogPiece[] | undefined,
): Promise<Buffer | undefined> {
  const pieces = await piecesFrom(objects, database, segment, listed)
  if (pieces.length === 0) return undefined
  const file = Buffer.alloc(segmentBytes)
  for (const piece of coverage(pieces).chosen) piece.content.copy(file, piece.from)
  return file
}

const readingsMax = 4

/**
 * All pieces of one file of the log. Where a store goes on keeping it, its pieces become one at any moment, and are looked
 * for again.
 * @param listed those that are known: listing them anew for each file would go through all of the log each time
 */
export async function piecesFrom(
  objects: SealedObjects,
  database: string,
  segment: string,
  listed: readonly LogPiece[] | undefined,
): Promise<(LogPiece & { content: Buffer })[]> {
  const list = async () =>
    (await objects.list(`log/${database}/${segment}.`)).flatMap((key) => pieceOf(key) ?? [])
  let pieces = listed ?? (await list())
  for (let reading = 1; ; reading++) {
    try {
      const read: (LogPiece & { content: Buffer })[] = []
      for (const piece of pieces) read.push({ ...piece, content: await contentOf(objects, database, piece) })
      return read
    } catch (error) {
      if (reading === readingsMax || !(error instanceof SealBroken)) throw error
      pieces = await list()
    }
  }
}

async function contentOf(objects: SealedObjects, database: string, piece: LogPiece): Promise<Buffer> {
  const content = await objects.get(pieceKey(database, piece))
  if (content.length === piece.to - piece.from) return content
  throw new SealBroken(`${pieceKey(database, piece)} is not as long as it says`)
}

/**
 * That nothing is missing between a base and the end of the log.
 * @throws LogGap naming the file
 */
export function checkChain(database: string, first: string, log: ReadonlyMap<string, LogPiece[]>): void {
  const starts = new Map<bigint, number>()
  for (const [segment, pieces] of log) {
    const { lsn } = startOf(segment)
    starts.set(lsn, Math.max(starts.get(lsn) ?? 0, coverage(pieces).to))
  }
  const from = startOf(first).lsn
  const after = [...starts.keys()].filter((lsn) => lsn > from).length
  for (let file = 0; file <= after; file++) {
    const lsn = from + BigInt(file) * BigInt(segmentBytes)
    const to = starts.get(lsn) ?? 0
    if (to === segmentBytes || (file === after && to > 0)) continue
    throw new LogGap(`the log of ${database} in the archive has a gap after ${first}, at ${lsn.toString(16)}`)
  }
}
