import {
  type BackupSource,
  basesEnded,
  basesOf,
  closeSources,
  momentAt,
  openSources,
  type Progress,
  secretsOf,
} from '../backup/base.ts'
import { type Entry, packed } from '../backup/entries.ts'
import { type BaseNote, basesIn, noteName, partName } from './archive.ts'
import { pieceOf, startOf } from './log-pieces.ts'
import type { SealedObjects } from './sealed-objects.ts'

const partBytes = 8 * 1024 * 1024

/** Puts a copy of both databases into the archive, while they are at work. The log from its beginning has to follow. */
export async function takeBase(
  source: BackupSource,
  objects: SealedObjects,
  {
    version,
    id,
    onProgress,
    stop,
  }: { version: string; id: string; onProgress: Progress; stop?: AbortSignal | undefined },
): Promise<BaseNote> {
  const opened = await openSources(source)
  let from = ''
  let parts = 0
  try {
    const entries = async function* (): AsyncGenerator<Entry> {
      yield* basesOf(opened, onProgress)
      yield* basesEnded(opened)
      const [first] = opened
      if (first) from = await momentAt(first.client)
      yield* secretsOf(source.dataPath)
    }
    let bytes = 0
    for await (const part of cutInto(packed(entries(), stop), partBytes)) {
      await objects.put(partName(id, ++parts), part)
      bytes += part.length
    }
    const databases = Object.fromEntries(opened.map(({ name, firstLog }) => [name, firstLog]))
    const note: BaseNote = { id, version, from, databases, parts, bytes }
    await objects.put(noteName(id), Buffer.from(JSON.stringify(note)))
    return note
  } catch (error) {
    // Half a base would only take the room. Where it cannot be taken away now, the next one's end does.
    for (let part = 1; part <= parts; part++) await objects.delete(partName(id, part)).catch(() => undefined)
    throw error
  } finally {
    closeSources(opened)
  }
}

async function* cutInto(content: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let length = 0
  for await (const more of content) {
    parts.push(more)
    length += more.length
    if (length < bytes) continue
    yield Buffer.concat(parts)
    parts = []
    length = 0
  }
  if (length > 0) yield Buffer.concat(parts)
}

/**
 * Throws away what no moment that is kept needs: bases before the one that the oldest of them needs, their log, and what
 * is left of bases that broke off.
 * @param oldest the oldest moment that has to stay
 */
export async function forgetOld(objects: SealedObjects, oldest: string): Promise<number> {
  const bases = await basesIn(objects)
  const first = bases.findLast(({ from }) => from <= oldest) ?? bases[0]
  if (first === undefined) return 0
  const kept = new Set(bases.filter(({ from }) => from >= first.from).map(({ id }) => id))
  const old = (await objects.list('base/')).filter((name) => !kept.has(name.split('/')[1] ?? ''))
  // Without its note a base is none, so that goes first.
  for (const name of old.sort((a) => (a.endsWith('/note') ? -1 : 1))) await objects.delete(name)
  let forgotten = old.length
  for (const [database, segment] of Object.entries(first.databases))
    for (const key of await objects.list(`log/${database}/`)) {
      const piece = pieceOf(key)
      if (piece === undefined || startOf(piece.segment).lsn >= startOf(segment).lsn) continue
      await objects.delete(key)
      forgotten++
    }
  return forgotten
}
