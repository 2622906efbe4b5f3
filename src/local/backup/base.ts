import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { cut, primaryOf } from '#ports/postgres'
import { clusterFiles } from '../replicas/clone-cluster.ts'
import { readSuccession } from '../replicas/succession-record.ts'
import type { Entry } from './entries.ts'

export type BackupSource = {
  dataPath: string
  /** The databases by the names of their folders. */
  urls: Readonly<Record<string, string>>
}

/** The primary of one database, at which a base is being taken. */
export type Source = {
  name: string
  cluster: string
  client: pg.Client
  /** The first file of the log that the base needs. */
  firstLog: string
}

/** How far a backup is; of bytes as they lie in the databases' folders. */
export type Progress = (done: { bytes: number; ofBytes: number }) => void

const statementLimitMs = 10 * 60_000
const findLimitMs = 5_000

/** A connection to a database's primary, which has to be in the store's data folder. @throws Error saying where it is */
export async function openPrimary(
  dataPath: string,
  name: string,
  url: string,
): Promise<{ client: pg.Client; cluster: string }> {
  const connectionString = await primaryOf(url).find(findLimitMs)
  const number = readSuccession(join(dataPath, name))?.primary ?? 1
  const cluster = join(dataPath, number === 1 ? name : `${name}.${number}`, 'data')
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: findLimitMs,
    query_timeout: statementLimitMs,
  })
  // What is asked of it next fails, and says why.
  client.on('error', () => undefined)
  await client.connect()
  const [place] = (await client.query<{ folder: string }>('SHOW data_directory')).rows.map(
    (row) => Object.values(row)[0],
  )
  if (place === cluster) return { client, cluster }
  cut(client)
  throw new Error(
    `${name} is not in ${cluster} but in ${place}: back up a server of your own by its own means`,
  )
}

/** Begins a base at each database, one at a time. @throws Error as openPrimary does; what was begun is given up */
export async function openSources({ dataPath, urls }: BackupSource): Promise<Source[]> {
  const opened: Source[] = []
  try {
    for (const [name, url] of Object.entries(urls)) {
      const primary = await openPrimary(dataPath, name, url)
      opened.push({ name, ...primary, firstLog: '' })
    }
    for (const source of opened) {
      // Keeps the log from here on until the connection ends.
      await source.client.query(`SELECT pg_create_physical_replication_slot('octavo_backup', true, true)`)
      const { rows } = await source.client.query<{ file: string }>(
        `SELECT pg_walfile_name(pg_backup_start('octavo backup', fast => true)) AS file`,
      )
      source.firstLog = rows[0]?.file ?? ''
    }
    return opened
  } catch (error) {
    closeSources(opened)
    const isTaken = (error as { code?: string }).code === '42710'
    throw isTaken ? new Error('another backup of this store is being made', { cause: error }) : error
  }
}

export function closeSources(sources: readonly Source[]): void {
  for (const { client } of sources) cut(client)
}

/** The files of the databases as they are while they are written to; the log makes them whole. */
export async function* basesOf(sources: readonly Source[], onProgress: Progress): AsyncGenerator<Entry> {
  const files: { path: string; file: string; bytes: number }[] = []
  for (const { name, cluster } of sources)
    for await (const path of clusterFiles(cluster)) {
      const file = join(cluster, path)
      // It may have gone meanwhile; the log knows.
      const bytes = path.endsWith('/') ? 0 : ((await stat(file).catch(() => undefined))?.size ?? 0)
      files.push({ path: `${name}/data/${path}`, file, bytes })
    }
  const ofBytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  for (const { path, file, bytes } of files) {
    yield { path, content: path.endsWith('/') ? Buffer.alloc(0) : { file } }
    done += bytes
    onProgress({ bytes: done, ofBytes })
  }
}

/** Ends each base; what it needs of the log ends here. */
export async function* basesEnded(sources: readonly Source[]): AsyncGenerator<Entry> {
  for (const { name, client } of sources) {
    const { rows } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    )
    yield { path: `${name}/data/backup_label`, content: Buffer.from(rows[0]?.labelfile ?? '') }
  }
}

/** Now, by a database's clock, to the microsecond. */
export async function momentAt(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ at: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
  )
  return rows[0]?.at ?? ''
}

/** Of this store alone: what seals its backups, and what it writes them as. */
const ownSecrets = new Set(['backup-key', 'archive-id'])

/** Those that the store cannot do without; what opens its backups is kept apart. */
export async function* secretsOf(dataPath: string): AsyncGenerator<Entry> {
  const folder = join(dataPath, 'secrets')
  for (const file of await readdir(folder))
    if (!ownSecrets.has(file) && !file.endsWith('-url') && !file.endsWith('.tmp'))
      yield { path: `secrets/${file}`, content: { file: join(folder, file) } }
}
