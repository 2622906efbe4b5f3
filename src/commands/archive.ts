import { readConfig, readSecrets, version } from '#config'
import { logger, openLog } from '#ports/log'
import { runArchiver } from '../local/archive/run-archiver.ts'
import { placeUrl, shownPlace } from '../local/archive/sealed-objects.ts'
import { secretFile } from '../local/data-folder.ts'
import { stopSignal } from '../process/stop-signal.ts'

export const summary =
  'keep the archive of a store that runs; octavo start does so where OCTAVO_ARCHIVE is set'

/** Runs until it is asked to end. @returns 2 when no archive is set */
export async function run(): Promise<number> {
  const config = readConfig(process.env)
  const { archive, bookDb, orderDb } = readSecrets(process.env, ['archive', 'bookDb', 'orderDb'])
  if (archive === undefined) {
    console.error('octavo archive: OCTAVO_ARCHIVE names no folder or object store')
    return 2
  }
  const write = (line: string) => void process.stdout.write(line)
  process.stdout.on('error', () => {})
  openLog({ ...config.log, fields: { role: 'archive' }, write })
  const log = logger('archive')
  const key = secretFile(config.dataPath, 'backup-key')
  log.info('the log of both databases is kept', { place: shownPlace(archive), key: key.path })
  await runArchiver(
    {
      source: { dataPath: config.dataPath, urls: { 'book-db': bookDb, 'order-db': orderDb } },
      ...{ place: placeUrl(archive), key: key.value, version, ...config.archive },
      say: (text, error) => (error ? log.error(text, { error }) : log.info(text)),
    },
    stopSignal(),
  )
  return 0
}
