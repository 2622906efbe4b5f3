import { constants } from 'node:fs'
import { copyFile, lchown, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { cut } from '#ports/postgres'
import { findPostgres, type RunAs } from '../postgres-binaries.ts'

/** What a copy of a running server leaves out, as paths within its cluster. Source: PostgreSQL manual, 25.3.4.1 "Backing Up the Data Directory". */
export const leftOut =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/./
export const leftOutFiles =
  /^(postmaster\.(pid|opts)|.*\.signal|postgresql\.auto\.conf(\.tmp)?|backup_label(\.old)?|tablespace_map(\.old)?)$|(^|\/)pgsql_tmp|(^|\/)pg_internal\.init/

const backupLimitMs = 120_000

/**
 * Copies a running server's cluster, as the beginning of a replica that follows it.
 * @param from the running server: a URL of it, and its cluster's folder
 * @param to the new cluster; what was there goes
 * @param until gives it up: at once, or when it is asked before the next file
 */
export async function cloneCluster(
  from: { url: string; cluster: string },
  to: string,
  until: { signal: AbortSignal; goesOn: () => boolean },
): Promise<void> {
  const { runAs } = findPostgres()
  // Half a copy would look whole: it is made aside, then renamed.
  const making = `${to}.making`
  await rm(making, { recursive: true, force: true })
  const client = new pg.Client({
    connectionString: from.url,
    connectionTimeoutMillis: 5_000,
    query_timeout: backupLimitMs,
  })
  // What is asked of it next fails, and says why.
  client.on('error', () => undefined)
  const giveUp = () => cut(client)
  until.signal.addEventListener('abort', giveUp)
  const onFile = () => {
    if (until.signal.aborted || !until.goesOn()) throw new Error('the copying was given up')
  }
  await client.connect()
  try {
    await client.query(`SELECT pg_backup_start('octavo replica', fast => true)`)
    await copyFolder(from.cluster, making, '', onFile)
    const { rows } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    )
    await writeFile(join(making, 'backup_label'), rows[0]?.labelfile ?? '', { mode: 0o600 })
  } finally {
    until.signal.removeEventListener('abort', giveUp)
    cut(client)
  }
  await writeFile(join(making, 'standby.signal'), '', { mode: 0o600 })
  await handOverAll(runAs, making)
  await rm(to, { recursive: true, force: true })
  await rename(making, to)
}

/** Files of a running server that a copy of it needs; the folders that have to be there end with a slash. */
export async function* clusterFiles(cluster: string, within = ''): AsyncGenerator<string> {
  if (within !== '') yield `${within}/`
  for (const entry of await readdir(join(cluster, within), { withFileTypes: true })) {
    const path = within === '' ? entry.name : `${within}/${entry.name}`
    const isLeftOut = leftOutFiles.test(path) || (leftOut.test(path) && !keptFolders.has(path))
    if (isLeftOut) continue
    if (entry.isDirectory()) yield* clusterFiles(cluster, path)
    else if (entry.isFile()) yield path
  }
}

export const keptFolders = new Set(['pg_wal/archive_status', 'pg_wal/summaries'])

async function copyFolder(from: string, to: string, within: string, onFile: () => void): Promise<void> {
  await mkdir(join(to, within), { recursive: true, mode: 0o700 })
  for (const entry of await readdir(join(from, within), { withFileTypes: true })) {
    const path = within === '' ? entry.name : `${within}/${entry.name}`
    if (leftOutFiles.test(path)) continue
    // The folders themselves have to be there.
    const isLeftOut = leftOut.test(path)
    onFile()
    if (
      entry.isDirectory() &&
      (!isLeftOut || path === 'pg_wal/archive_status' || path === 'pg_wal/summaries')
    )
      await copyFolder(from, to, path, onFile)
    else if (isLeftOut) continue
    else if (entry.isSymbolicLink()) await symlink(await readlink(join(from, path)), join(to, path))
    else if (entry.isFile()) await copyIfThere(join(from, path), join(to, path))
  }
}

/** A table may be dropped while it is copied: what is missing then is in the log. */
async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

export async function handOverAll(runAs: RunAs, folder: string): Promise<void> {
  if (runAs.kind !== 'user') return
  await lchown(folder, runAs.uid, runAs.gid)
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await lchown(join(entry.parentPath, entry.name), runAs.uid, runAs.gid)
}
