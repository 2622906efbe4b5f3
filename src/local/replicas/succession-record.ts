import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StartError, writePrivate } from '../data-folder.ts'

/** Who is the primary of a database: written down before anybody becomes it, so that no restart makes two. */
export type SuccessionRecord = {
  /** Counts primaries. */
  term: number
  /** Counts what was written down. */
  change?: number
  /** Number of the server, from 1. */
  primary: number
  /** Servers that have followed this primary; while it is `isComing`, those that have followed the one before. */
  followers: number[]
  /** It has been chosen, and nobody follows it yet: should it fail, the others still have all that was acknowledged. */
  isComing?: boolean
  /** The servers that it is of: a quorum of these has confirmed what was acknowledged. */
  servers?: number[]
  /** The last time that a primary was replaced. */
  last?: { at: string; why: string; tookMs: number; from: number }
}

const fileName = 'succession.json'

/**
 * Each server's folder has a copy, so that neither one that is lost nor one that is full takes the knowledge with it;
 * the newest counts.
 * @param path the folder of the database's first server
 * @throws StartError when there are servers and no copy can be read: to guess could lose orders
 */
export function readSuccession(path: string): SuccessionRecord | undefined {
  const folders = foldersOf(path)
  const copies = folders.flatMap((folder) => recordIn(folder) ?? [])
  const [first, ...others] = copies
  if (first) return others.reduce((newest, each) => (isNewer(each, newest) ? each : newest), first)
  const isKnownToBeOne = folders.every((folder) => folder === path && !existsSync(join(folder, fileName)))
  if (isKnownToBeOne) return undefined
  throw new StartError(
    `${join(path, fileName)} does not say which server is the primary, nor does a copy beside another server; put it back from a backup`,
  )
}

/**
 * Lasts over a power cut.
 * @throws Error when more than half of the folders do not take it, a full disk for example
 */
export function writeSuccession(path: string, record: SuccessionRecord): void {
  const folders = foldersOf(path)
  const text = JSON.stringify(record, null, 2)
  let isFlushed = false
  const failures = folders.flatMap((folder) => {
    try {
      // One that outlasts a power cut is enough; the others are for what becomes of a folder.
      writePrivate(join(folder, fileName), text, { flush: !isFlushed })
      isFlushed = true
      return []
    } catch (error) {
      return [error as Error]
    }
  })
  if (failures.length * 2 > folders.length) throw failures[0]
}

/** `book-db`, and beside it `book-db.2` and so on. */
function foldersOf(path: string): string[] {
  const name = basename(path)
  const others = existsSync(dirname(path)) ? readdirSync(dirname(path)) : []
  const isOne = (each: string) => each.startsWith(`${name}.`) && /^\.[2-9]$/.test(each.slice(name.length))
  return [path, ...others.filter(isOne).map((each) => join(dirname(path), each))]
}

function recordIn(folder: string): SuccessionRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(folder, fileName), 'utf8')) as SuccessionRecord
    if (Number.isInteger(record.primary) && Number.isInteger(record.term) && Array.isArray(record.followers))
      return record
  } catch {
    // It has none, or one that cannot be read: another copy says it.
  }
  return undefined
}

/** Of one term, the one that is further: who has followed a primary that is still coming counts no more later. */
function isNewer(a: SuccessionRecord, b: SuccessionRecord): boolean {
  if (a.term !== b.term) return a.term > b.term
  return (a.change ?? 0) > (b.change ?? 0)
}
