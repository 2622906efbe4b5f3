import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '#config'
import { verifyBackup } from '../local/backup/restore-backup.ts'

export const summary =
  'read a backup to its end, and say what it holds: octavo verify-backup FILE [--key FILE]'

/** @returns 0 when every bit is as it was written, 1 when one is not */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { key: { type: 'string' } },
  })
  const [path] = positionals
  if (path === undefined || positionals.length > 1) {
    console.error('usage: octavo verify-backup FILE [--key FILE]')
    return 2
  }
  try {
    const keyPath = values.key ?? join(readConfig(process.env).dataPath, 'secrets', 'backup-key')
    const found = await verifyBackup(path, (await readFile(keyPath, 'utf8')).trim())
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
