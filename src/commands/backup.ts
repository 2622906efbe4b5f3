import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets, version } from '#config'
import { databaseState } from '#ports/database'
import { basesIn } from '../local/archive/archive.ts'
import { openArchiver } from '../local/archive/archiver.ts'
import { isArchive } from '../local/archive/restore-archive.ts'
import { baseRequest } from '../local/archive/run-archiver.ts'
import { openSealedObjects, shownPlace } from '../local/archive/sealed-objects.ts'
import type { BackupSource } from '../local/backup/base.ts'
import { goOn } from '../local/backup/entries.ts'
import { takeBackup } from '../local/backup/take-backup.ts'
import { secretFile } from '../local/data-folder.ts'
import { progressLine } from '../local/progress-line.ts'
import { storeEnvironment } from '../local/running.ts'
import { stopOrEnd } from '../process/stop-signal.ts'

export const summary =
  'back up the databases of a running store, sealed: octavo backup FILE | FOLDER | s3://… (without any: a base into its archive, now)'

const slot = 'octavo_once'
const requestLimitMs = 60 * 60_000
const lookEveryMs = 500

/** @returns 0 when the backup is whole and on disk */
export async function run(args: string[]): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  const [place] = positionals
  const env = storeEnvironment()
  const { dataPath } = readConfig(env)
  const { bookDb, orderDb, archive } = readSecrets(env, ['bookDb', 'orderDb', 'archive'])
  if (positionals.length > 1 || (place === undefined && archive === undefined)) {
    console.error('usage: octavo backup FILE | FOLDER | s3://…; without any where OCTAVO_ARCHIVE is set')
    return 2
  }
  const key = secretFile(dataPath, 'backup-key')
  const stop = stopOrEnd()
  const source = { dataPath, urls: { 'book-db': bookDb, 'order-db': orderDb } }
  try {
    if (place === undefined || place === archive) await askForBase(source, archive ?? '', key.value, stop)
    else if (isArchive(place)) await backUpInto(place, key.value, source, stop)
    else {
      const { at } = await takeBackup(source, {
        path: place,
        key: key.value,
        version,
        onProgress: progressLine(),
        stop,
      })
      console.log(`${place} holds both databases as they were at ${at}.`)
    }
    console.log(
      `It is sealed with the key in ${key.path}: keep a copy of that key elsewhere; nothing opens it without.`,
    )
    return 0
  } catch (error) {
    console.error(`octavo backup: no backup was made: ${(error as Error).message}`)
    return 1
  }
}

/** A base and the log that makes it whole. What was there before goes when it is. */
async function backUpInto(
  place: string,
  key: string,
  source: BackupSource,
  stop: AbortSignal,
): Promise<void> {
  const never = Number.POSITIVE_INFINITY
  const say = (text: string, problem?: Error) => console.log(problem ? `${text}: ${problem.message}` : text)
  await using archiver = await openArchiver({
    ...{ source, place, key, version, slot, say, stop, onProgress: progressLine() },
    ...{ baseEveryMs: never, keepMs: 0 },
  })
  try {
    archiver.wantBase()
    const at = await archiver.round()
    console.log(`${shownPlace(place)} holds both databases as they were at ${at}.`)
  } finally {
    await archiver.letGo()
  }
}

/** The one who keeps the archive takes it, so that there is only one. */
async function askForBase(
  { dataPath, urls }: BackupSource,
  archive: string,
  key: string,
  stop: AbortSignal,
): Promise<void> {
  await using objects = await openSealedObjects(archive, key)
  const before = (await basesIn(objects)).at(-1)?.id
  const request = baseRequest(dataPath)
  writeFileSync(request, '')
  try {
    const giveUpMs = performance.now() + requestLimitMs
    // It is taken back when the base is whole, with the log that it needs.
    while (existsSync(request)) {
      goOn(stop)
      const problem = await problemOf(urls)
      if (problem !== undefined) throw new Error(`the archive is not kept just now: ${problem}`)
      if (performance.now() > giveUpMs) throw new Error("it takes too long; the store's log says why")
      await sleep(lookEveryMs)
    }
    const last = (await basesIn(objects)).at(-1)
    if (last === undefined || last.id === before)
      throw new Error("the request was taken back; the store's log says why")
    console.log(`A base is in the archive, from ${last.from} on.`)
  } finally {
    rmSync(request, { force: true })
  }
}

/** What whoever keeps the archive has said to either database. */
async function problemOf(urls: BackupSource['urls']): Promise<string | undefined> {
  const states = await Promise.all(Object.entries(urls).map(([name, url]) => databaseState(name, url)))
  return states.map(({ archive }) => archive?.problem ?? undefined).find((problem) => problem !== undefined)
}
