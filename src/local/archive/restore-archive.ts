import { existsSync, statSync } from 'node:fs'
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { unpack } from '../backup/entries.ts'
import { makeFolder, replay, writeEntry } from '../backup/restore-backup.ts'
import { SealBroken } from '../backup/sealed-file.ts'
import {
  type BaseNote,
  baseContent,
  basesIn,
  checkChain,
  LogGap,
  logIn,
  piecesFrom,
  reachOf,
  segmentFrom,
} from './archive.ts'
import { historyName, type LogPiece, startOf } from './log-pieces.ts'
import { openSealedObjects, type SealedObjects } from './sealed-objects.ts'

/** The archive cannot be restored to that moment, in words for whoever asked for it. */
export class OutOfReach extends Error {
  override name = 'OutOfReach'
}

type Options = { place: string; key: string; say?: (text: string) => void; stop?: AbortSignal }

/**
 * Makes a data folder with both databases as they were at one moment, and the store's secrets.
 * @param at the moment as `momentIn` gives it, or undefined for the newest there is
 * @param to a folder that is not there yet, or empty
 * @throws OutOfReach, LogGap, SealBroken, Stopped; nothing is left at `to` then
 */
export async function restoreArchive(
  { place, key, say = () => {}, stop }: Options,
  { at, to }: { at: string | undefined; to: string },
): Promise<{ at: string }> {
  await using objects = await openSealedObjects(place, key)
  const { base, moment } = await choose(objects, at)
  return await makeFolder(to, async (making) => {
    say(`reading the base of ${base.from}, ${Math.ceil(base.bytes / 1024 / 1024)} MB`)
    await unpack(baseContent(objects, base), (name, content) => writeEntry(making, name, content), stop)
    for (const [name, first] of Object.entries(base.databases)) {
      const log = await logIn(objects, name)
      say(`${name}: its log is replayed to ${moment}`)
      await replayFrom(objects, { folder: making, name, moment, stop }, log, say).catch((error: Error) => {
        // A moment before a gap can be reached; one after it cannot, and that is why.
        if (!(error instanceof SealBroken)) checkChain(name, first, log)
        throw error
      })
    }
    return { at: moment }
  })
}

/**
 * Reads a whole archive.
 * @returns the moments between which every one can be restored, for each base that there is
 * @throws SealBroken, LogGap when one bit of it is not as it was written, or something is missing
 */
export async function verifyArchive({ place, key, say = () => {} }: Options) {
  await using objects = await openSealedObjects(place, key)
  const bases = await basesIn(objects)
  const { base: oldest, moment } = await choose(objects, undefined, bases[0])
  let [files, bytes, pieces] = [0, 0, 0]
  for (const base of bases) {
    say(`reading the base of ${base.from}`)
    await unpack(baseContent(objects, base), async (_, content) => {
      files++
      for await (const piece of content) bytes += piece.length
    })
  }
  const logs = new Map<string, Map<string, LogPiece[]>>()
  for (const [name, first] of Object.entries(oldest.databases)) {
    const log = await logIn(objects, name)
    logs.set(name, log)
    say(`reading the log of ${name}`)
    for (const [segment, listed] of log)
      for (const { content } of await piecesFrom(objects, name, segment, listed)) {
        bytes += content.length
        pieces++
      }
    for (const history of await historiesOf(objects, name, first, log)) await objects.get(history)
  }
  checkAll(bases, logs, moment)
  return {
    ...{ from: oldest.from, to: moment, bases: bases.length, version: oldest.version },
    files,
    pieces,
    bytes,
  }
}

/** Those that are there, and those that a restore cannot do without. */
async function historiesOf(
  objects: SealedObjects,
  name: string,
  first: string,
  log: ReadonlyMap<string, LogPiece[]>,
): Promise<Set<string>> {
  const histories = new Set((await objects.list(`log/${name}/`)).filter((key) => key.endsWith('.history')))
  const last = Math.max(...[...log.keys()].map((segment) => startOf(segment).timeline))
  for (let timeline = startOf(first).timeline + 1; timeline <= last; timeline++)
    histories.add(`log/${name}/${historyName(timeline)}`)
  return histories
}

/** @throws LogGap which says from when on nothing is missing */
function checkAll(
  bases: readonly BaseNote[],
  logs: ReadonlyMap<string, Map<string, LogPiece[]>>,
  moment: string,
): void {
  const gapAfter = ({ databases }: BaseNote) => {
    try {
      for (const [name, first] of Object.entries(databases))
        checkChain(name, first, logs.get(name) ?? new Map())
      return undefined
    } catch (error) {
      return error as Error
    }
  }
  const gaps = bases.map(gapAfter)
  if (gaps[0] === undefined) return
  const whole = bases[gaps.indexOf(undefined)]
  throw new LogGap(
    `${gaps[0].message}: ${whole ? `not every moment before ${whole.from} can be restored; any from then to ${moment} can` : 'what comes after it cannot be restored'}`,
    { cause: gaps[0] },
  )
}

/**
 * A time with its zone, `2026-11-28T20:15:00+01:00`, in UTC and as exact as the archive says it itself, so that the two
 * compare as text; undefined where it is none.
 */
export function momentIn(text: string): string | undefined {
  const [, day, time, fraction = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  if (day === undefined || time === undefined) return undefined
  const local = new Date(`${day}T${time}Z`)
  // The 31st of a short month would be taken for a day of the next.
  if (Number.isNaN(local.getTime()) || !local.toISOString().startsWith(`${day}T${time}`)) return undefined
  const utc = new Date(`${day}T${time}${zone}`)
  if (Number.isNaN(utc.getTime())) return undefined
  return utc.toISOString().replace(/000Z$/, `${fraction.slice(0, 6).padEnd(6, '0')}Z`)
}

async function choose(
  objects: SealedObjects,
  at: string | undefined,
  only?: BaseNote,
): Promise<{ base: BaseNote; moment: string }> {
  const bases = only ? [only] : await basesIn(objects)
  const reach = await reachOf(objects)
  const [oldest] = bases
  if (oldest === undefined || reach === undefined) throw new OutOfReach('there is no base in this archive')
  const moment = at ?? reach
  if (moment > reach)
    throw new OutOfReach(`the archive reaches to ${reach}; what came after ${reach} is not in it`)
  const base = only ?? bases.findLast(({ from }) => from <= moment)
  if (base === undefined) throw new OutOfReach(`the archive begins at ${oldest.from}; ${moment} is before it`)
  return { base, moment }
}

const lookEveryMs = 10
/** Where the server's command gives up: whoever was to bring the file has gone. */
const fetchLimitSeconds = 600

/** The server asks for one file of the log after the other, so that they are never all on disk. */
async function replayFrom(
  objects: SealedObjects,
  {
    folder,
    name,
    moment,
    stop,
  }: { folder: string; name: string; moment: string; stop: AbortSignal | undefined },
  log: ReadonlyMap<string, LogPiece[]>,
  say: (text: string) => void,
): Promise<void> {
  const exchange = join(folder, name, 'fetch')
  await layExchange(exchange)
  const over = new AbortController()
  let failure: Error | undefined
  let brought = 0
  const bring = async (file: string) => {
    const content = await fileOf(objects, name, log, file)
    if (content === undefined) return
    await writeFile(join(exchange, 'got', file), content, { mode: 0o644 })
    if (++brought % 64 === 0) say(`${name}: ${brought} of ${log.size} files of the log`)
  }
  const serving = (async () => {
    while (!over.signal.aborted) {
      for (const file of await readdir(join(exchange, 'wanted'))) {
        await bring(file).catch((error: Error) => {
          failure ??= error
        })
        await rm(join(exchange, 'wanted', file), { force: true })
      }
      await sleep(lookEveryMs)
    }
  })()
  try {
    await replay(folder, name, moment, 'sh ../fetch/fetch.sh "%f" "%p"', stop)
  } catch (error) {
    throw failure ?? error
  } finally {
    over.abort()
    await serving
  }
  await rm(exchange, { recursive: true, force: true })
  if (failure) throw failure
}

async function layExchange(exchange: string): Promise<void> {
  // The server may run as another user; the folder that all of this is in is this user's alone.
  for (const each of ['', 'wanted', 'got']) {
    await mkdir(join(exchange, each), { recursive: true })
    await chmod(join(exchange, each), 0o777)
  }
  const script = `cd "$(dirname "$0")" && : > "wanted/$1" || exit 2
waited=0
while [ -e "wanted/$1" ]; do
  sleep 0.05
  waited=$((waited + 1))
  [ $waited -gt ${fetchLimitSeconds * 20} ] && exit 2
done
[ -e "got/$1" ] && cp "got/$1" "$OLDPWD/$2" && rm -f "got/$1"
`
  await writeFile(join(exchange, 'fetch.sh'), script, { mode: 0o644 })
}

async function fileOf(
  objects: SealedObjects,
  name: string,
  log: ReadonlyMap<string, LogPiece[]>,
  file: string,
): Promise<Buffer | undefined> {
  if (file.endsWith('.history')) return await objects.find(`log/${name}/${file}`)
  return await segmentFrom(objects, name, file, log.get(file))
}

/** Whether a place holds an archive, and is no single file. */
export const isArchive = (place: string) =>
  /^[a-z][a-z0-9+.-]*:/i.test(place) || (existsSync(place) && statSync(place).isDirectory())
