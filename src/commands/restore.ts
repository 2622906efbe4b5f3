import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readConfig } from '#config'
import { isArchive, momentIn, restoreArchive } from '../local/archive/restore-archive.ts'
import { readBackupKey } from '../local/backup/backup-key.ts'
import { restoreBackup } from '../local/backup/restore-backup.ts'
import { stopOrEnd } from '../process/stop-signal.ts'

export const summary =
  'make a new data folder of a backup or an archive: octavo restore FILE|FOLDER|s3://… [--at 2026-11-28T20:15:00Z] --to FOLDER [--key FILE]'

/** @returns 0 when a store can start on the folder */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { key: { type: 'string' }, to: { type: 'string' }, at: { type: 'string' } },
  })
  const [place] = positionals
  if (place === undefined || positionals.length > 1 || values.to === undefined) {
    console.error('usage: octavo restore FILE|FOLDER|s3://… [--at TIME] --to FOLDER [--key FILE]')
    return 2
  }
  const at = values.at === undefined ? undefined : momentIn(values.at)
  if (values.at !== undefined && at === undefined) {
    console.error(`octavo restore: --at is "${values.at}"; it should be a time like 2026-11-28T20:15:00Z`)
    return 2
  }
  try {
    const { to } = values
    if (!isArchive(place) && !existsSync(place)) throw new Error(`there is no ${place}`)
    const key = await readBackupKey(values.key, readConfig(process.env).dataPath)
    if (at !== undefined && !isArchive(place))
      throw new Error(`${place} holds one moment; --at is for an archive`)
    const stop = stopOrEnd()
    const restored = isArchive(place)
      ? await restoreArchive({ place, key, say: (text) => console.error(text), stop }, { at, to })
      : await restoreBackup(place, key, to, stop)
    console.log(`${to} holds the store as it was at ${restored.at}; OCTAVO_DATA=${to} starts it.`)
    return 0
  } catch (error) {
    console.error(`octavo restore: ${(error as Error).message}`)
    return 1
  }
}
