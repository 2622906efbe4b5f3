import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { dayMs } from '#kernel/day'
import { type Clock, systemClock } from '#ports/clock'
import type { Database, Session } from '#ports/database'
import { type Fence, holdFence } from '#ports/lease'
import { logger } from '#ports/log'
import type { ObjectStore } from '#ports/object-store'
import { oldRestDays } from '#services/orders'
import { type Duck, openDuck } from '../store/duck.ts'
import { PartMissing, showCut, tidy } from '../store/local-cut.ts'
import {
  type Manifest,
  partsFolder,
  partsOf,
  publish,
  readManifest,
  removeManifests,
} from '../store/manifest.ts'
import { createViewsOfParts } from '../store/views.ts'
import { shape, type TableName, tableNames } from '../tables.ts'
import { countOrders, disagreements } from './agree.ts'
import { type Cut, withCut } from './cut.ts'
import { markLoads, wasPutBack } from './marks.ts'
import { mergeParts } from './merge.ts'
import { bringParts, uploadParts } from './move-parts.ts'
import { createPseudonyms, pseudonymKeyId } from './pseudonym.ts'
import { goneBooks, readBooks } from './read-books.ts'
import { readOrders } from './read-orders.ts'
import { readSearches } from './read-searches.ts'
import { readStock } from './read-stock.ts'
import { openStaging } from './staging.ts'

const log = logger('warehouse')

/** The moments of a load at which a test lets it die. */
export const loadPoints = [
  ...([
    'locked',
    'marked',
    'cut',
    'orders-read',
    'books-read',
    'stock-read',
    'staged',
    'merged',
    'agreed',
  ] as const),
  ...(['part-stored', 'parts-stored', 'published', 'shown', 'swept'] as const),
] as const
export type LoadPoint = (typeof loadPoints)[number]

export type Loading = {
  orderDb: Database
  bookDb: Database
  objects: ObjectStore
  /** Keys the pseudonyms. */
  secret: string
  /** The warehouse's folder on this machine. */
  root: string
  /** The turn that this load is of; without one the database's lock alone keeps others away. */
  fence?: Fence | undefined
  /** Reads everything again instead of what has changed. */
  whole?: boolean
  /** How long what was replaced is kept for whoever reads it. */
  keepMs?: number
  memoryMb?: number
  clock?: Clock
  onPoint?: (point: LoadPoint) => Promise<void>
  /** Stands in for the cut, in builds of which something is expected to break. */
  openCut?: typeof withCut
}

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

const keepMsDefault = 15 * 60_000

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
    const isOtherShape = before?.shape !== undefined && before.shape !== shape
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
  const { clock = systemClock, onPoint, root, openCut = withCut } = loading
  const startedMs = clock.monotonicMs()
  const sequence = (before?.sequence ?? 0) + 1
  // Whatever another load has left there is of no use: this one has the lock. Of its own, so that one that was frozen
  // and has lost the lock finds nothing to write to.
  await rm(join(root, 'work'), { recursive: true, force: true })
  const folder = join(root, 'work', clock.uuid())
  await mkdir(folder, { recursive: true })
  const marks = await markLoads(loading)
  await onPoint?.('marked')
  try {
    await using duck = await openDuck({ folder, memoryMb: loading.memoryMb })
    const built = await openCut(loading.orderDb, loading.bookDb, clock, (cut) =>
      build({ loading, duck, cut, folder, sequence, before: isWhole ? undefined : before }),
    )
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
      superseded: supersededBy(before, built.tables, clock.now(), loading.keepMs ?? keepMsDefault),
    }
    await publishWhole(loading, session, manifest, before)
    return {
      ...said,
      ms: Math.round(clock.monotonicMs() - startedMs),
      ...sums(manifest),
      disagreements: manifest.disagreements,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Building = {
  loading: Loading
  duck: Duck
  cut: Cut
  folder: string
  sequence: number
  before: Manifest | undefined
}

async function build({ loading, duck, cut, folder, sequence, before }: Building) {
  const { onPoint, root, objects } = loading
  await onPoint?.('cut')
  // Another machine may have loaded last, and kept its files to itself; and a disk may have changed what is here. Looked
  // at while the databases are read.
  const brought = bringParts(root, objects, before === undefined ? [] : partsOf(before))
  brought.catch(() => undefined)
  const staging = await openStaging(duck, folder)
  const since = before?.cursors
  await readOrders(cut, since?.orders, staging, createPseudonyms(loading.secret))
  await onPoint?.('orders-read')
  const books = await readBooks(cut, since?.books, staging)
  const searches = await readSearches(cut, since?.searches, staging)
  await onPoint?.('books-read')
  const ledger = await readStock(cut, since?.ledger, books, staging)
  await onPoint?.('stock-read')
  const counted = countOrders(cut)
  // It is waited for below; what fails before that is what is told.
  counted.catch(() => undefined)
  const read = await staging.finish()
  await brought
  if (before !== undefined) {
    await createViewsOfParts(duck, before, root)
    for (const isbn of await goneBooks(cut, knownBooks(duck))) {
      staging.remove('books', isbn)
      staging.remove('stock', isbn)
    }
    await staging.finish()
  }
  await onPoint?.('staged')
  const name = `${String(sequence).padStart(8, '0')}-${(loading.clock ?? systemClock).uuid().slice(-12)}`
  // Those that an earlier program loaded were never forgotten: all there are have been read again.
  const kept = before && { ...before.tables, ...(since?.searches === undefined && { searches: {} }) }
  const tables = await mergeParts({ duck, root, objects, before: kept, name })
  await onPoint?.('merged')
  await createViewsOfParts(duck, { tables }, root)
  const found = await disagreements(duck, counted)
  await onPoint?.('agreed')
  return {
    ...{ tables, read, disagreements: found, cutAt: new Date(cut.atMs).toISOString() },
    cursors: {
      ...{ orders: { snapshot: cut.snapshot, atMs: cut.atMs }, books: { atMs: cut.booksAtMs } },
      ...{ searches, ledger },
    },
  }
}

/** Books as they will be known when what was read is in. */
function knownBooks(duck: Duck) {
  const known = 'SELECT isbn FROM books UNION SELECT isbn FROM new_books'
  const isbns = async () => new Set((await duck.rows<{ isbn: string }>(known)).map(({ isbn }) => isbn))
  const count = async () =>
    Number((await duck.rows<{ n: string }>(`SELECT count(*) AS n FROM (${known})`))[0]?.n)
  return { count, isbns }
}

/** Stores what is new, and then, if nobody else may be loading by now, says that this is the warehouse. */
async function publishWhole(
  loading: Loading,
  session: Session,
  manifest: Manifest,
  before: Manifest | undefined,
): Promise<void> {
  const { objects, root, onPoint, clock = systemClock, keepMs = keepMsDefault } = loading
  const stored = await objects.list(partsFolder)
  const there = new Set(stored)
  // Also what an earlier load has stored and somebody took away: all of it is here.
  const missing = partsOf(manifest).filter(({ key }) => !there.has(key))
  await uploadParts(objects, root, missing, () => onPoint?.('part-stored'))
  await onPoint?.('parts-stored')
  // The lock goes with its connection: whoever has lost it must not publish, nor who has lost the turn. The next one
  // begins when this transaction is over.
  await session.transaction(async (tx) => {
    if (loading.fence === undefined) await tx.query('SELECT 1', [])
    else await holdFence(tx, loading.fence)
    await publish(objects, manifest)
  })
  await onPoint?.('published')
  await showCut(root, objects, manifest)
  await onPoint?.('shown')
  await sweep(objects, stored, manifest)
  await removeManifests(objects, [before, manifest])
  await tidy(root, clock.now(), keepMs)
  await onPoint?.('swept')
}

/** Removes objects that nobody names: of loads that died, and those that were replaced long enough ago. */
async function sweep(objects: ObjectStore, stored: readonly string[], manifest: Manifest): Promise<void> {
  const named = new Set([...partsOf(manifest), ...manifest.superseded].map(({ key }) => key))
  for (const key of stored) if (!named.has(key)) await objects.delete(key)
}

function supersededBy(
  before: Manifest | undefined,
  tables: Manifest['tables'],
  nowMs: number,
  keepMs: number,
): Manifest['superseded'] {
  if (before === undefined) return []
  const current = new Set(partsOf({ ...before, tables }).map(({ key }) => key))
  const replaced = partsOf(before).filter(({ key }) => !current.has(key))
  return [...before.superseded, ...replaced.map(({ key }) => ({ key, atMs: nowMs }))].filter(
    ({ atMs }) => nowMs - atMs < keepMs,
  )
}

function sums(manifest: Manifest): Pick<Loaded, 'rows' | 'bytes'> {
  const rows = {} as Record<TableName, number>
  for (const name of tableNames)
    rows[name] = Object.values(manifest.tables[name]).reduce((sum, part) => sum + part.rows, 0)
  return { rows, bytes: partsOf(manifest).reduce((sum, part) => sum + part.bytes, 0) }
}
