import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { cut, primaryOf } from '#ports/postgres'
import { clusterFiles } from '../replicas/clone-cluster.ts'
import { readSuccession } from '../replicas/succession-record.ts'
import { type Entry, packed } from './entries.ts'
import { writeSealed } from './sealed-file.ts'

export type BackupSource = {
  dataPath: string
  /** The databases by the names of their folders. */
  urls: Readonly<Record<string, string>>
}

/** What a backup says of itself, first of all its files. */
export type BackupNote = { version: string; at: string; databases: string[] }

const statementLimitMs = 10 * 60_000
const findLimitMs = 5_000

/**
 * Backs up the databases in a store's data folder, while they are at work, and the store's secrets.
 * @param key seals the file
 * @returns the moment that a restore brings back: both databases as they were then
 */
export async function takeBackup(
  { dataPath, urls }: BackupSource,
  { path, key, version }: { path: string; key: string; version: string },
): Promise<{ at: string }> {
  const opened: Source[] = []
  let at = ''
  try {
    for (const [name, url] of Object.entries(urls)) opened.push(await openSource(dataPath, name, url))
    const entries = async function* (): AsyncGenerator<Entry> {
      for (const source of opened) yield* baseOf(source)
      for (const source of opened) yield await endBase(source)
      at = await oneMoment(opened)
      for (const source of opened) yield* logOf(source)
      yield* secretsOf(dataPath)
      const note: BackupNote = { version, at, databases: opened.map(({ name }) => name) }
      yield { path: 'backup.json', content: Buffer.from(JSON.stringify(note)) }
    }
    await writeSealed(path, key, packed(entries()))
    return { at }
  } finally {
    for (const { client } of opened) cut(client)
  }
}

type Source = { name: string; cluster: string; client: pg.Client; firstLog: string }

async function openSource(dataPath: string, name: string, url: string): Promise<Source> {
  const number = readSuccession(join(dataPath, name))?.primary ?? 1
  const cluster = join(dataPath, number === 1 ? name : `${name}.${number}`, 'data')
  const connectionString = await primaryOf(url).find(findLimitMs)
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: findLimitMs,
    query_timeout: statementLimitMs,
  })
  client.on('error', () => undefined)
  await client.connect()
  const [place] = (await client.query<{ folder: string }>('SHOW data_directory')).rows.map(
    (row) => Object.values(row)[0],
  )
  if (place !== cluster) {
    cut(client)
    throw new Error(
      `${name} is not in ${cluster} but in ${place}: back up a server of your own by its own means`,
    )
  }
  // Keeps the log from here on until the connection ends.
  await client.query(`SELECT pg_create_physical_replication_slot('octavo_backup', true, true)`)
  const { rows } = await client.query<{ file: string }>(
    `SELECT pg_walfile_name(pg_backup_start('octavo backup', fast => true)) AS file`,
  )
  return { name, cluster, client, firstLog: rows[0]?.file ?? '' }
}

async function* baseOf({ name, cluster }: Source): AsyncGenerator<Entry> {
  for await (const path of clusterFiles(cluster))
    yield {
      path: `${name}/data/${path}`,
      content: path.endsWith('/') ? Buffer.alloc(0) : { file: join(cluster, path) },
    }
}

async function endBase({ name, client }: Source): Promise<Entry> {
  const { rows } = await client.query<{ labelfile: string }>(
    'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
  )
  return { path: `${name}/data/backup_label`, content: Buffer.from(rows[0]?.labelfile ?? '') }
}

/**
 * One moment for all: what was committed up to it is in a restore. A decision is committed before the copies that it
 * moves, so no restore has the second without the first; and a prepared transaction is finished by what was decided.
 */
async function oneMoment(sources: readonly Source[]): Promise<string> {
  const { rows } = (await sources[0]?.client.query<{ at: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
  )) ?? { rows: [] }
  await sleep(10)
  for (const { client } of sources) {
    // A restore stops at the first commit after the moment, so there has to be one.
    await client.query('SET synchronous_commit = on')
    await client.query('SELECT pg_current_xact_id()')
    await client.query('SELECT pg_switch_wal()')
  }
  return rows[0]?.at ?? ''
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

/** Those that the store cannot do without; the key of its backups is kept apart. */
async function* secretsOf(dataPath: string): AsyncGenerator<Entry> {
  const folder = join(dataPath, 'secrets')
  for (const file of await readdir(folder))
    if (file !== 'backup-key' && !file.endsWith('-url') && !file.endsWith('.tmp'))
      yield { path: `secrets/${file}`, content: { file: join(folder, file) } }
}
