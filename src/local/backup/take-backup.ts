import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type BackupSource,
  basesEnded,
  basesOf,
  closeSources,
  momentAt,
  openSources,
  type Progress,
  type Source,
  secretsOf,
} from './base.ts'
import { type Entry, packed } from './entries.ts'
import { writeSealed } from './sealed-file.ts'

/** What a backup says of itself, last of all its files. */
export type BackupNote = { version: string; at: string; databases: string[] }

/**
 * Backs up the databases in a store's data folder, while they are at work, and the store's secrets.
 * @param key seals the file
 * @param stop has it end without a file
 * @returns the moment that a restore brings back: both databases as they were then
 */
export async function takeBackup(
  source: BackupSource,
  {
    path,
    key,
    version,
    onProgress = () => {},
    stop,
  }: { path: string; key: string; version: string; onProgress?: Progress; stop?: AbortSignal },
): Promise<{ at: string }> {
  const opened = await openSources(source)
  let at = ''
  try {
    const entries = async function* (): AsyncGenerator<Entry> {
      yield* basesOf(opened, onProgress)
      yield* basesEnded(opened)
      at = await oneMoment(opened)
      for (const each of opened) yield* logOf(each)
      yield* secretsOf(source.dataPath)
      const note: BackupNote = { version, at, databases: opened.map(({ name }) => name) }
      yield { path: 'backup.json', content: Buffer.from(JSON.stringify(note)) }
    }
    await writeSealed(path, key, packed(entries(), stop))
    return { at }
  } finally {
    closeSources(opened)
  }
}

/**
 * One moment for all: what was committed up to it is in a restore. A decision is committed before the copies that it
 * moves, so no restore has the second without the first; and a prepared transaction is finished by what was decided.
 */
async function oneMoment(sources: readonly Source[]): Promise<string> {
  const [first] = sources
  const at = first === undefined ? '' : await momentAt(first.client)
  await sleep(10)
  for (const { client } of sources) {
    // A restore stops at the first commit after the moment, so there has to be one.
    await client.query('SET synchronous_commit = on')
    await client.query('SELECT pg_current_xact_id()')
    await client.query('SELECT pg_switch_wal()')
  }
  return at
}

async function* logOf({ name, cluster, client, firstLog }: Source): AsyncGenerator<Entry> {
  const { rows } = await client.query<{ file: string }>(
    'SELECT pg_walfile_name(pg_current_wal_lsn()) AS file',
  )
  const last = rows[0]?.file ?? ''
  const folder = join(cluster, 'pg_wal')
  for (const file of (await readdir(folder)).sort()) {
    const isNeeded = /^[0-9A-F]{24}$/.test(file) && file >= firstLog && file <= last
    if (isNeeded || file.endsWith('.history'))
      yield { path: `${name}/log/${file}`, content: { file: join(folder, file) } }
  }
}
