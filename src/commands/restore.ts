import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '#config'
import { restoreBackup } from '../local/backup/restore-backup.ts'

export const summary = 'make a new data folder of a backup: octavo restore FILE --to FOLDER [--key FILE]'

/** @returns 0 when a store can start on the folder */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { key: { type: 'string' }, to: { type: 'string' } },
  })
  const [path] = positionals
  if (path === undefined || positionals.length > 1 || values.to === undefined) {
    console.error('usage: octavo restore FILE --to FOLDER [--key FILE]')
    return 2
  }
  try {
    const keyPath = values.key ?? join(readConfig(process.env).dataPath, 'secrets', 'backup-key')
    const { at } = await restoreBackup(path, (await readFile(keyPath, 'utf8')).trim(), values.to)
    console.log(`${values.to} holds the store as it was at ${at}; OCTAVO_DATA=${values.to} starts it.`)
    return 0
  } catch (error) {
    console.error(`octavo restore: ${(error as Error).message}`)
    return 1
  }
}
