import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError, writePrivate } from '../data-folder.ts'

/** Who is the primary of a database: written down before anybody becomes it, so that no restart makes two. */
export type SuccessionRecord = {
  /** Counts primaries. */
  term: number
  /** Number of the server, from 1. */
  primary: number
  /** Servers that have followed this primary. */
  followers: number[]
  /** The last time that a primary was replaced. */
  last?: { at: string; why: string; tookMs: number; from: number }
}

const fileName = 'succession.json'

/**
 * @param path the database's folder
 * @throws StartError when what is written there cannot be read: to guess could lose orders
 */
export function readSuccession(path: string): SuccessionRecord | undefined {
  const file = join(path, fileName)
  if (!existsSync(file)) return undefined
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as SuccessionRecord
    if (Number.isInteger(record.primary) && Array.isArray(record.followers)) return record
  } catch {
    // Said below, whatever is wrong with it.
  }
  throw new StartError(`${file} does not say which server is the primary; put it back from a backup`)
}

/** Lasts over a power cut. */
export function writeSuccession(path: string, record: SuccessionRecord): void {
  writePrivate(join(path, fileName), JSON.stringify(record, null, 2), { flush: true })
}
