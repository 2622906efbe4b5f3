import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readConfig } from '#config'
import { isArchive, verifyArchive } from '../local/archive/restore-archive.ts'
import { readBackupKey } from '../local/backup/backup-key.ts'
import { verifyBackup } from '../local/backup/restore-backup.ts'

export const summary =
  'read a backup or an archive to its end, and say what it holds: octavo verify-backup FILE|FOLDER|s3://… [--key FILE]'

/** @returns 0 when every bit is as it was written, 1 when one is not */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { key: { type: 'string' } },
  })
  const [path] = positionals
  if (path === undefined || positionals.length > 1) {
    console.error('usage: octavo verify-backup FILE|FOLDER|s3://… [--key FILE]')
    return 2
  }
  try {
    if (!isArchive(path) && !existsSync(path)) throw new Error(`there is no ${path}`)
    const key = await readBackupKey(values.key, readConfig(process.env).dataPath)
    if (isArchive(path)) return await verifyAll(path, key)
    const found = await verifyBackup(path, key)
    const megabytes = (found.bytes / 1024 / 1024).toFixed(0)
    console.log(
      `${path} is whole: ${found.databases.join(' and ')} at ${found.at}, by version ${found.version}; ${found.files} files, ${megabytes} MB.`,
    )
    return 0
  } catch (error) {
    console.error(`octavo verify-backup: ${(error as Error).message}`)
    return 1
  }
}

async function verifyAll(place: string, key: string): Promise<number> {
  const found = await verifyArchive({ place, key, say: (text) => console.error(text) })
  const megabytes = (found.bytes / 1024 / 1024).toFixed(0)
  console.log(
    `The archive is whole: any moment from ${found.from} to ${found.to}; ${found.bases} bases with ${found.files} files, ${found.pieces} pieces of the log, ${megabytes} MB.`,
  )
  return 0
}
