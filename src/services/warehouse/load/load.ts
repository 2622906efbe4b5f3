import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { dayMs } from '#kernel/day'
import { systemClock } from '#ports/clock'
import type { Session } from '#ports/database'
import { logger } from '#ports/log'
import { oldRestDays } from '#services/orders'
import { openDuck } from '../store/duck.ts'
import { PartMissing } from '../store/local-cut.ts'
import { type Manifest, partsFolder, partsOf, readManifest } from '../store/manifest.ts'
import { shape, type TableName, tableNames } from '../tables.ts'
import { build } from './build.ts'
import { withCut } from './cut.ts'
import type { Loading } from './loading.ts'
import { markLoads, wasPutBack } from './marks.ts'
import { openUploads } from './move-parts.ts'
import { pseudonymKeyId } from './pseudonym.ts'
import { publishWhole, supersededBy } from './publish-whole.ts'
import { openStaging } from './staging.ts'

const log = logger('warehouse')

export type Loaded = {
  sequence: number
  kind: 'whole' | 'increment'
  cutAt: string
  ms: number
  /** Rows that were read, and rows that there are, by table. */
  read: Record<TableName, number>
  rows: Record<TableName, number>
  bytes: number
  disagreements: string[]
}

/**
 * Loads what has changed in both databases since the last load, at one consistent cut, and publishes it. One load runs
 * at a time, whoever asks for it. One that dies leaves the warehouse as it was: the next begins where the last published
 * one ended. What turns out not to agree with its sources is read again whole.
 * @throws DatabaseBusy while another load runs, or a transaction stays in doubt
 */
export async function load(loading: Loading): Promise<Loaded> {
  return await loading.orderDb.exclusively('warehouse load', async (session) => {
    await loading.onPoint?.('locked')
    const before = await readManifest(loading.objects)
    const putBack = before !== undefined && (await wasPutBack(loading, before.cursors.marks))
    if (putBack) log.warn('a database was put back to an earlier state: all is loaded again')
    const { pseudonyms = pseudonymKeyId(loading.secret) } = before ?? {}
    const isKeyedAnew = pseudonyms !== pseudonymKeyId(loading.secret)
    if (isKeyedAnew) log.info('the secret was changed, and pseudonyms with it: all is loaded again')
    const isOtherShape = before !== undefined && before.shape !== shape
    if (isOtherShape) log.info('another program loaded other columns: all is loaded again')
    const isAsked = before === undefined || loading.whole === true
    const isWhole = isAsked || putBack || isKeyedAnew || isOtherShape || isTooOld(before, loading.clock)
    const loaded = await loadOnce(loading, session, before, isWhole).catch((error: unknown) => {
      if (isWhole || !isOfFiles(error)) throw error
      log.warn('files of the warehouse cannot be read: all is loaded again', { error })
      return undefined
    })
    if (loaded === undefined) return await loadOnce(loading, session, before, true)
    if (isWhole || loaded.disagreements.length === 0) return loaded
    log.warn('an increment did not agree with its sources: all is loaded again', {
      disagreements: loaded.disagreements,
    })
    return await loadOnce(loading, session, before, true)
  })
}

/**
 * Whether a file that an earlier load left is damaged or gone; reading all again needs none of them. The engine says so in
 * plain errors; an object store that is away or full names files as well, and is no better off with more of them.
 */
function isOfFiles(error: unknown): boolean {
  if (error instanceof PartMissing) return true
  const isEngines = error instanceof Error && error.name === 'Error' && !('code' in error)
  return isEngines && /parquet/i.test(error.message) && !/no space|disk full/i.test(error.message)
}

/** What was put away since then has been at rest for longer than this. */
const goneOnFromDays = oldRestDays - 5

const isTooOld = ({ cursors }: Manifest, { now } = systemClock) =>
  now() - cursors.orders.atMs > goneOnFromDays * dayMs

async function loadOnce(
  loading: Loading,
  session: Session,
  before: Manifest | undefined,
  isWhole: boolean,
): Promise<Loaded> {
  const { clock = systemClock, onPoint, objects, root, openCut = withCut } = loading
  const startedMs = clock.monotonicMs()
  const sequence = (before?.sequence ?? 0) + 1
  // Whatever another load has left there is of no use: this one has the lock. Of its own, so that one that was frozen
  // and has lost the lock finds nothing to write to.
  await rm(join(root, 'work'), { recursive: true, force: true })
  const folder = join(root, 'work', clock.uuid())
  await mkdir(folder, { recursive: true })
  const uploads = openUploads(objects, root, () => onPoint?.('part-stored'))
  // The engine starts while databases and object store are asked.
  const opening = openEngine(folder, loading.memoryMb)
  const listing = objects.list(partsFolder)
  // They are waited for below; what fails before that is what is told.
  for (const begun of [opening, listing]) begun.catch(() => undefined)
  try {
    const marks = await markLoads(loading)
    await onPoint?.('marked')
    const built = await openCut(loading.orderDb, loading.bookDb, clock, async (cut) => {
      const goneOnFrom = isWhole ? undefined : before
      const onWritten = uploads.begin
      return await build({ loading, ...(await opening), cut, sequence, before: goneOnFrom, onWritten })
    })
    const stored = await listing
    const said = {
      sequence,
      kind: isWhole ? 'whole' : 'increment',
      cutAt: built.cutAt,
      read: built.read,
    } as const
    // What does not agree is not published while there is still something to do about it.
    if (built.disagreements.length > 0 && !isWhole)
      return { ...said, ms: 0, rows: built.read, bytes: 0, disagreements: built.disagreements }
    const manifest: Manifest = {
      ...{ format: 1, sequence, cutAt: built.cutAt, loadedAt: new Date(clock.now()).toISOString() },
      ...{ tables: built.tables, cursors: { ...built.cursors, marks }, disagreements: built.disagreements },
      pseudonyms: pseudonymKeyId(loading.secret),
      shape,
      superseded: supersededBy(before, built.tables, clock.now(), loading.keepMs),
    }
    await publishWhole(loading, { session, manifest, before, uploads, stored })
    return {
      ...said,
      ms: Math.round(clock.monotonicMs() - startedMs),
      ...sums(manifest),
      disagreements: manifest.disagreements,
    }
  } finally {
    // What went wrong with either has been thrown where it was waited for.
    await uploads.finish().catch(() => undefined)
    await opening.then(({ duck }) => duck[Symbol.asyncDispose]()).catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
}

async function openEngine(folder: string, memoryMb: number | undefined) {
  const duck = await openDuck({ folder, memoryMb })
  return { duck, staging: await openStaging(duck, folder) }
}

function sums(manifest: Manifest): Pick<Loaded, 'rows' | 'bytes'> {
  const rows = {} as Record<TableName, number>
  for (const name of tableNames)
    rows[name] = Object.values(manifest.tables[name]).reduce((sum, part) => sum + part.rows, 0)
  return { rows, bytes: partsOf(manifest).reduce((sum, part) => sum + part.bytes, 0) }
}
