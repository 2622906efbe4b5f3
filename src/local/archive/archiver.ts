import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BackupSource, momentAt, type Progress } from '../backup/base.ts'
import { secretFile } from '../data-folder.ts'
import { basesIn, checkChain, LogGap, logIn, ownerName, reachName } from './archive.ts'
import { noteState, standingSlot } from './archive-state.ts'
import { type LogKeeper, openLogKeeper } from './log-keeper.ts'
import { startOf } from './log-pieces.ts'
import { openSealedObjects, type SealedObjects } from './sealed-objects.ts'
import { forgetOld, takeBase } from './take-base.ts'

export type ArchiverOptions = {
  source: BackupSource
  /** A folder, or the URL of an object store. */
  place: string
  key: string
  version: string
  /** How old the newest base may become, and how long a moment can be gone back to. */
  baseEveryMs: number
  keepMs: number
  /** Told of what went well, and of what does not. */
  say: (text: string, problem?: Error) => void
  onProgress?: Progress
  /** Has a base that is being taken end, and leave nothing. */
  stop?: AbortSignal
  /** What it is called at the primaries, which hold their log for it. */
  slot?: string
}

export type Archiver = AsyncDisposable & {
  /** Keeps all there is, and whatever else is due. @returns the moment that can be restored from now on */
  round(): Promise<string>
  /** Takes a base at the next round, whether one is due or not. */
  wantBase(): void
  /** Nothing is kept for it from here on. */
  letGo(): Promise<void>
}

/** Archive of another store: to write into it would spoil it. */
export class ArchiveTaken extends Error {
  override name = 'ArchiveTaken'
}

const restMs = 2

/**
 * Keeps the log of both databases in an archive as it is written, with a base every now and then to begin from.
 * @throws ArchiveTaken, or whatever is wrong with the place
 */
export async function openArchiver(options: ArchiverOptions): Promise<Archiver> {
  const { source, slot = standingSlot } = options
  await using opened = new AsyncDisposableStack()
  const objects = opened.use(await openSealedObjects(options.place, options.key))
  await claim(objects, source.dataPath)
  const keepers: LogKeeper[] = []
  for (const [name, url] of Object.entries(source.urls))
    keepers.push(opened.use(await openLogKeeper({ name, url, dataPath: source.dataPath, slot }, objects)))
  const resources = opened.move()

  let at: string | undefined
  let newest = (await basesIn(objects)).at(-1)
  let isBroken = newest === undefined || !(await goesOn(objects, keepers, newest.databases))
  let isWanted = isBroken
  if (isBroken && newest) options.say('the log in the archive breaks off; it begins with a new base')

  const base = async () => {
    const id = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomUUID().slice(0, 8)}`
    for (const keeper of keepers) await keeper.hold()
    const { version, onProgress = () => {}, stop } = options
    const taken = await takeBase(source, objects, { version, id, onProgress, stop })
    if (isBroken) for (const keeper of keepers) keeper.beginAt(taken.databases[keeper.name] ?? '')
    newest = taken
    isWanted = false
    isBroken = false
    // The base is whole only with the log that follows it.
    const reached = await keepAll()
    options.say(`a base is in the archive: ${megabytes(newest.bytes)}, from ${newest.from} on`)
    const oldest = new Date(Date.now() - options.keepMs).toISOString()
    const forgotten = await forgetOld(objects, oldest)
    if (forgotten > 0) options.say(`${forgotten} objects that are older than they are kept for have gone`)
    return reached
  }
  const keepAll = async () => {
    const isStanding = slot === standingSlot
    at = await keepMoment(keepers, objects, { last: at, baseAt: newest?.from, isStanding })
    return at
  }
  return {
    wantBase() {
      isWanted = true
    },
    async round() {
      try {
        // What is there goes first: a base takes its time.
        const reached = isBroken ? undefined : await keepAll()
        const isOld = newest !== undefined && Date.now() - Date.parse(newest.from) > options.baseEveryMs
        return reached === undefined || isWanted || isOld ? await base() : reached
      } catch (error) {
        for (const keeper of keepers) keeper.disconnect()
        if (!(error instanceof LogGap)) throw error
        // What was kept stays good up to there; from here on there is a new beginning.
        options.say('a part of the log is lost to the archive; it takes a new base', error)
        isBroken = true
        isWanted = true
        return await base()
      }
    },
    letGo: async () => {
      for (const keeper of keepers) await keeper.letGo()
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** An archive is written to by the store that began it. One that was restored from it goes on elsewhere. */
async function claim(objects: SealedObjects, dataPath: string): Promise<void> {
  const own = secretFile(dataPath, 'archive-id', randomUUID).value
  const owner = await objects.find(ownerName)
  if (owner === undefined) await objects.put(ownerName, Buffer.from(own))
  else if (owner.toString() !== own)
    throw new ArchiveTaken('the archive belongs to another store; give this one a place of its own')
}

/** Whether the log goes on from the newest base without a gap; where none of it is there yet, it begins there. */
async function goesOn(
  objects: SealedObjects,
  keepers: readonly LogKeeper[],
  databases: Record<string, string>,
): Promise<boolean> {
  for (const keeper of keepers) {
    const first = databases[keeper.name]
    if (first === undefined) return false
    const log = await logIn(objects, keeper.name)
    const isThere = [...log.keys()].some((segment) => startOf(segment).lsn >= startOf(first).lsn)
    if (!isThere) keeper.beginAt(first)
    else if (!isWhole(keeper.name, first, log)) return false
  }
  return true
}

function isWhole(...chain: Parameters<typeof checkChain>): boolean {
  try {
    checkChain(...chain)
    return true
  } catch (error) {
    if (error instanceof LogGap) return false
    throw error
  }
}

/**
 * Keeps the log of all up to one moment. A restore stops at the first commit after the moment, so each database gets one
 * then. A decision is committed before the copies that it moves, so no restore has the second without the first.
 * @param last the moment before: when nothing has been written since, it is as good as now
 * @param isStanding whether the databases are to tell of the archive
 */
async function keepMoment(
  keepers: readonly LogKeeper[],
  objects: SealedObjects,
  { last, baseAt, isStanding }: { last: string | undefined; baseAt: string | undefined; isStanding: boolean },
): Promise<string> {
  const [first] = keepers
  if (first === undefined) return last ?? ''
  let isIdle = last !== undefined
  for (const keeper of keepers) {
    const { timeline, lsn } = await keeper.written()
    isIdle &&= keeper.position?.timeline === timeline && keeper.position.lsn === lsn
  }
  if (isIdle && last !== undefined) return last
  const at = await momentAt(await first.connected())
  await sleep(restMs)
  for (const keeper of keepers) {
    const client = await keeper.connected()
    if (isStanding) await noteState(client, { at, baseAt })
    else await client.query(`SELECT pg_logical_emit_message(true, 'octavo', 'archive')`)
  }
  for (const keeper of keepers) await keeper.keep()
  await objects.put(reachName, Buffer.from(JSON.stringify({ at })))
  return at
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`
