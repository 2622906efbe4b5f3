import { parseArgs } from 'node:util'
import { readConfig, readSecrets, version } from '#config'
import { takeBackup } from '../local/backup/take-backup.ts'
import { secretFile } from '../local/data-folder.ts'
import { storeEnvironment } from '../local/running.ts'

export const summary = 'back up the databases of a running store, sealed: octavo backup FILE'

/** @returns 0 when the backup is whole and on disk */
export async function run(args: string[]): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  const [path] = positionals
  if (path === undefined || positionals.length > 1) {
    console.error('usage: octavo backup FILE')
    return 2
  }
  const env = storeEnvironment()
  const { dataPath } = readConfig(env)
  const { bookDb, orderDb } = readSecrets(env, ['bookDb', 'orderDb'])
  const key = secretFile(dataPath, 'backup-key')
  try {
    const urls = { 'book-db': bookDb, 'order-db': orderDb }
    const { at } = await takeBackup({ dataPath, urls }, { path, key: key.value, version })
    console.log(`${path} holds both databases as they were at ${at}.`)
    console.log(
      `It is sealed with the key in ${key.path}: keep a copy of that key elsewhere; nothing opens it without.`,
    )
    return 0
  } catch (error) {
    console.error(`octavo backup: no backup was made: ${(error as Error).message}`)
    return 1
  }
}
