import { systemClock } from '#ports/clock'
import type { Duck } from '../store/duck.ts'
import { type Manifest, type Part, partsOf } from '../store/manifest.ts'
import { createViewsOfParts } from '../store/views.ts'
import { countOrders, disagreements } from './agree.ts'
import type { Cut } from './cut.ts'
import type { Loading } from './loading.ts'
import { mergeParts } from './merge.ts'
import { bringParts } from './move-parts.ts'
import { createPseudonyms } from './pseudonym.ts'
import { goneBooks, readBooks } from './read-books.ts'
import { readOrders } from './read-orders.ts'
import { readSearches } from './read-searches.ts'
import { readStock } from './read-stock.ts'
import type { Staging } from './staging.ts'

export type Building = {
  loading: Loading
  duck: Duck
  staging: Staging
  cut: Cut
  sequence: number
  /** What it goes on from, or nothing when all is read again. */
  before: Manifest | undefined
  /** Told of each part that was written. */
  onWritten: (part: Part) => void
}

/**
 * Reads a cut, writes the parts that have changed, and counts whether it agrees with the databases. The two are read
 * beside each other, and OrderDb counts while BookDb is still read.
 */
export async function build({ loading, duck, staging, cut, sequence, before, onWritten }: Building) {
  const { onPoint, root, objects } = loading
  await onPoint?.('cut')
  // Another machine may have loaded last, and kept its files to itself; and a disk may have changed what is here. Looked
  // at while the databases are read.
  const brought = bringParts(root, objects, before === undefined ? [] : partsOf(before))
  brought.catch(() => undefined)
  const since = before?.cursors
  const [{ counted }, { searches, ledger }] = await both(
    readOrderDb(loading, cut, since?.orders, staging),
    readBookDb(loading, cut, since, staging),
  )
  const read = await staging.finish()
  await brought
  if (before !== undefined) {
    await createViewsOfParts(duck, before, root, ['books'])
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
  const tables = await mergeParts({ duck, root, objects, before: kept, name, onWritten })
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

type Since = Manifest['cursors'] | undefined

async function readOrderDb(
  { secret, onPoint }: Loading,
  cut: Cut,
  since: NonNullable<Since>['orders'] | undefined,
  staging: Staging,
) {
  await readOrders(cut, since, staging, createPseudonyms(secret))
  await onPoint?.('orders-read')
  const counted = countOrders(cut)
  // It is waited for when all is merged; what fails before that is what is told.
  counted.catch(() => undefined)
  return { counted }
}

async function readBookDb({ onPoint }: Loading, cut: Cut, since: Since, staging: Staging) {
  // Where its clock went back, what was changed since bears times from before the last cut: all books are read then.
  const isClockBack = since !== undefined && cut.booksAtMs < since.books.atMs
  const books = await readBooks(cut, isClockBack ? undefined : since?.books, staging)
  const searches = await readSearches(cut, since?.searches, staging)
  await onPoint?.('books-read')
  const ledger = await readStock(cut, since?.ledger, books, staging)
  await onPoint?.('stock-read')
  return { searches, ledger }
}

/** Waits for both also when one fails: the other one must not go on with what is being closed. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second])
  return await Promise.all([first, second])
}

/** Books as they will be known when what was read is in. */
function knownBooks(duck: Duck) {
  const known = 'SELECT isbn FROM books UNION SELECT isbn FROM new_books'
  const isbns = async () => new Set((await duck.rows<{ isbn: string }>(known)).map(({ isbn }) => isbn))
  const count = async () =>
    Number((await duck.rows<{ n: string }>(`SELECT count(*) AS n FROM (${known})`))[0]?.n)
  return { count, isbns }
}
