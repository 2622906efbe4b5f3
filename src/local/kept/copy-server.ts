import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { cut } from '#ports/postgres'
import { findPostgres } from '../postgres-binaries.ts'
import { handOverAll, keptFolders, leftOut, leftOutFiles } from '../replicas/clone-cluster.ts'
import type { ServerTls } from './server-tls.ts'

const connectLimitMs = 5_000
const queryLimitMs = 120_000
const chunkBytes = 8 * 1024 * 1024
const smallBytes = 1024 * 1024

type Entry = { name: string; isFolder: boolean; size: number }

/**
 * Copies a running server in another place, over an ordinary connection to it, as the beginning of a replica.
 * Source: PostgreSQL manual, 25.3.3 "Making a Base Backup Using the Low Level API", 9.28.9 "Generic File Access Functions".
 * @param url of the database `postgres` of the server, as its superuser
 * @param to the new cluster; what was there goes
 * @param ssl by whom the server is known where connections are encrypted
 * @throws what the server or the disk says, or the signal's reason
 */
export async function copyServer(
  url: string,
  to: string,
  signal: AbortSignal,
  ssl?: ReturnType<ServerTls['client']>,
): Promise<void> {
  const making = `${to}.making`
  await rm(making, { recursive: true, force: true })
  const client = new pg.Client({
    ...{ connectionString: url, ssl },
    ...{ connectionTimeoutMillis: connectLimitMs, query_timeout: queryLimitMs },
  })
  // What is asked of it next fails, and says why.
  client.on('error', () => undefined)
  const giveUp = () => cut(client)
  signal.addEventListener('abort', giveUp)
  try {
    await client.connect()
    await client.query(`SELECT pg_backup_start('octavo copy', fast => true)`)
    await copyFolder(client, making, '.', signal)
    const { rows } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    )
    await writeFile(join(making, 'backup_label'), rows[0]?.labelfile ?? '', { mode: 0o600 })
  } finally {
    signal.removeEventListener('abort', giveUp)
    cut(client)
  }
  await writeFile(join(making, 'standby.signal'), '', { mode: 0o600 })
  // Settings of its own come before it starts; the server wants the file.
  await writeFile(join(making, 'postgresql.auto.conf'), '', { mode: 0o600 })
  await handOverAll(findPostgres().runAs, making)
  await rm(to, { recursive: true, force: true })
  await rename(making, to)
}

async function copyFolder(client: pg.Client, to: string, within: string, signal: AbortSignal): Promise<void> {
  await mkdir(join(to, within), { recursive: true, mode: 0o700 })
  // What has gone between two looks is null, and is in the log.
  const { rows } = await client.query<Entry>(
    `SELECT name, (stat).isdir AS "isFolder", (stat).size::float8 AS size
       FROM (SELECT name, pg_stat_file($1 || '/' || name, true) AS stat FROM pg_ls_dir($1, true, false) AS name) AS found
      WHERE (stat).isdir IS NOT NULL`,
    [within],
  )
  const files: { path: string; size: number }[] = []
  for (const { name, isFolder, size } of rows) {
    const path = within === '.' ? name : `${within}/${name}`
    const isLeftOut = leftOut.test(path)
    if (leftOutFiles.test(path) || (isLeftOut && !keptFolders.has(path))) continue
    if (isFolder) await copyFolder(client, to, path, signal)
    else files.push({ path, size })
  }
  for (const { path } of files.filter(({ size }) => size > smallBytes)) {
    signal.throwIfAborted()
    await copyFile(client, join(to, path), path)
  }
  for (const batch of batches(files.filter(({ size }) => size <= smallBytes))) {
    signal.throwIfAborted()
    await copyFiles(client, to, batch)
  }
}

/** Most files are small, and a question for each would take longer than all of them. */
function batches(files: readonly { path: string; size: number }[]): string[][] {
  const found: string[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const { path, size } of files) {
    if (bytes + size > chunkBytes) {
      found.push([])
      bytes = 0
    }
    bytes += size
    found.at(-1)?.push(path)
  }
  return found
}

async function copyFiles(client: pg.Client, to: string, paths: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ path: string; bytes: string | null }>(
    `SELECT path, encode(pg_read_binary_file(path, true), 'base64') AS bytes FROM unnest($1::text[]) AS path`,
    [paths],
  )
  for (const { path, bytes } of rows)
    if (bytes !== null) await writeFile(join(to, path), bytes, { encoding: 'base64', mode: 0o600 })
}

async function copyFile(client: pg.Client, to: string, path: string): Promise<void> {
  await using file = await open(to, 'w', 0o600)
  for (let at = 0; ; at += chunkBytes) {
    // The driver takes every column for text.
    const { rows } = await client.query<{ bytes: string | null }>(
      `SELECT encode(pg_read_binary_file($1, $2, $3, true), 'base64') AS bytes`,
      [path, at, chunkBytes],
    )
    const bytes = Buffer.from(rows[0]?.bytes ?? '', 'base64')
    if (bytes.length === 0) return
    await file.write(bytes)
    if (bytes.length < chunkBytes) return
  }
}
