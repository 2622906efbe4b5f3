import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { lchown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { cut } from '#ports/postgres'
import { findPostgres } from '../postgres-binaries.ts'
import { startPostgres } from '../postgres-server.ts'
import { goOn, unpack } from './entries.ts'
import { readSealed, SealBroken, writeAll } from './sealed-file.ts'
import type { BackupNote } from './take-backup.ts'

const replayLimitMs = 30 * 60_000

/**
 * Reads a whole backup.
 * @throws SealBroken when one bit of it is not as it was written
 */
export async function verifyBackup(
  path: string,
  key: string,
): Promise<BackupNote & { files: number; bytes: number }> {
  let note: BackupNote | undefined
  let [files, bytes] = [0, 0]
  await unpack(readSealed(path, key), async (name, content) => {
    const parts: Buffer[] = []
    for await (const piece of content) {
      bytes += piece.length
      if (name === 'backup.json') parts.push(piece)
    }
    files++
    if (name === 'backup.json') note = JSON.parse(Buffer.concat(parts).toString()) as BackupNote
  })
  if (note === undefined) throw new SealBroken(`${path} does not say what it holds`)
  return { ...note, files, bytes }
}

/**
 * Makes a data folder of a backup: the databases as they were at its moment, and the store's secrets.
 * @param to a folder that is not there yet, or empty
 * @throws SealBroken when the backup is not as it was written, Stopped; nothing is left at `to` then
 */
export async function restoreBackup(
  path: string,
  key: string,
  to: string,
  stop?: AbortSignal,
): Promise<BackupNote> {
  return await makeFolder(to, async (making) => {
    await unpack(readSealed(path, key), (name, content) => writeEntry(making, name, content), stop)
    const note = JSON.parse(await readFile(join(making, 'backup.json'), 'utf8')) as BackupNote
    for (const name of note.databases) {
      const log = join(making, name, 'log')
      await replay(making, name, note.at, 'cp "../log/%f" "%p"', stop)
      await rm(log, { recursive: true, force: true })
    }
    return note
  })
}

/** Makes a data folder beside its place, and puts it there when it is whole. @throws Error when something is there */
export async function makeFolder<T>(to: string, make: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(to)
  if (existsSync(target) && !statSync(target).isDirectory())
    throw new Error(`${target} is a file; a restore makes a new folder`)
  if (existsSync(target) && (await readdir(target)).length > 0)
    throw new Error(`${target} is not empty; a restore overwrites nothing`)
  const making = `${target}.restoring`
  await rm(making, { recursive: true, force: true })
  await mkdir(making, { recursive: true, mode: 0o700 })
  try {
    const made = await make(making)
    await flushAll(making)
    await rm(target, { recursive: true, force: true })
    await rename(making, target)
    return made
  } catch (error) {
    await rm(making, { recursive: true, force: true })
    throw error
  }
}

/** To disk in one go, instead of a thousand small files one by one. */
async function flushAll(folder: string): Promise<void> {
  const flush = spawn('sync', ['-f', folder], { stdio: 'ignore' })
  await new Promise((resolve) => flush.once('error', resolve).once('exit', resolve))
}

export async function writeEntry(
  folder: string,
  name: string,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const path = resolve(folder, name)
  if (!path.startsWith(folder + sep)) throw new SealBroken(`a backup has a file outside of itself: ${name}`)
  await mkdir(name.endsWith('/') ? path : dirname(path), { recursive: true, mode: 0o700 })
  if (name.endsWith('/')) {
    for await (const _ of content);
    return
  }
  const file = await open(path, 'w', 0o600)
  try {
    for await (const piece of content) await writeAll(file, piece)
  } finally {
    await file.close()
  }
}

/**
 * Runs a restored server on its log, up to a moment.
 * @param folder the data folder
 * @param fetch a command that puts the log's file `%f` at `%p`, and fails where there is none; it runs in the cluster's
 *   folder, whose path may have any characters
 */
export async function replay(
  folder: string,
  name: string,
  at: string,
  fetch: string,
  stop?: AbortSignal,
): Promise<void> {
  const path = join(folder, name)
  const cluster = join(path, 'data')
  await mkdir(join(cluster, 'pg_wal', 'archive_status'), { recursive: true, mode: 0o700 })
  await writeFile(join(cluster, 'recovery.signal'), '', { mode: 0o600 })
  await handOver(path)
  const password = (await readFile(join(folder, 'secrets', `${name}-password`), 'utf8')).trim()
  const said: string[] = []
  try {
    await using server = await startPostgres({
      ...{ path, password, mayMake: false },
      log: (line) => said.push(line),
      settings: {
        restore_command: fetch,
        // One flush of everything, where the system can, instead of one for each file.
        ...(process.platform === 'linux' && { recovery_init_sync_method: 'syncfs' }),
        // Zones have no names yet when it is read.
        recovery_target_time: at.replace('T', ' ').replace('Z', '+00'),
        recovery_target_action: 'promote',
      },
    })
    await isOver(server.url('postgres'), stop)
    await server.stop(60_000)
  } catch (cause) {
    goOn(stop)
    throw new Error(`${name} could not be brought to ${at}: ${said.slice(-5).join('; ')}`, { cause })
  }
}

async function isOver(url: string, stop: AbortSignal | undefined): Promise<void> {
  const giveUpMs = performance.now() + replayLimitMs
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
  })
  // What is asked of it next fails, and says why.
  client.on('error', () => undefined)
  await client.connect()
  try {
    while (performance.now() < giveUpMs) {
      goOn(stop)
      const { rows } = await client.query('SELECT pg_is_in_recovery() AS replays')
      if (rows[0]?.replays === false) return
      await sleep(50)
    }
    throw new Error('the log was not replayed in time')
  } finally {
    cut(client)
  }
}

async function handOver(folder: string): Promise<void> {
  const { runAs } = findPostgres()
  if (runAs.kind !== 'user') return
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await lchown(join(entry.parentPath, entry.name), runAs.uid, runAs.gid)
}
