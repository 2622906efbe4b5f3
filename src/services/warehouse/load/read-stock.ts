import type { Cursors } from '../store/manifest.ts'
import type { BookDb } from './book-db.ts'
import type { Cut } from './cut.ts'
import { finalAfterMs, gapsAfter } from './number-gaps.ts'
import type { Staging } from './staging.ts'

const pageMax = 5_000
const gapsAtOnce = 100
const titlesAtOnce = 1_000

/** What is looked at of a movement, and all of it as JSON. */
type Noted = { id: number; transaction_id: string | null; line: string }
type Movement = {
  isbn: string
  copies_delta: number
  held_delta: number
  sold_delta: number
}

/**
 * Reads the movements of stock since the last cut and how the titles stand at this one: as BookDb shows them, without
 * what is after the cut.
 * @param books titles that are read in any case
 */
export async function readStock(
  cut: Cut,
  since: Cursors['ledger'] | undefined,
  books: ReadonlySet<string>,
  staging: Staging,
): Promise<Cursors['ledger']> {
  const before = since ?? { max: 0, open: [] }
  const touched = since === undefined ? undefined : new Set(books)
  const later: Movement[] = []
  let ledger: Cursors['ledger'] = before
  const final = cut.isBookDbQuiet ? await finalNumber(cut) : 0
  for await (const page of movements(cut.books, before)) {
    const undecided = await cut.undecided(page.flatMap(({ transaction_id: id }) => id ?? []))
    const seen: number[] = []
    for (const { id, transaction_id, line } of page) {
      const isLater = transaction_id !== null && undecided.has(transaction_id)
      const movement = isLater || touched !== undefined ? (JSON.parse(line) as Movement) : undefined
      if (movement !== undefined) touched?.add(movement.isbn)
      if (isLater && movement !== undefined) later.push(movement)
      else {
        staging.addLine('ledger', line)
        seen.push(id)
      }
    }
    ledger = gapsAfter(ledger, seen, { ms: cut.atMs, mayClose: false, final })
    await staging.relieve()
  }
  await stageTitles(cut.books, touched && [...touched], later, staging)
  return gapsAfter(ledger, [], { ms: cut.atMs, mayClose: cut.isBookDbQuiet })
}

/** The number of the last movement from so long ago that none below it can come any more; 0 where there is none. */
async function finalNumber({ books, booksAtMs }: Cut): Promise<number> {
  const [row] = await books.query<{ id: number }>(
    `SELECT id FROM ${books.table('ledger')} WHERE at < ?1 ORDER BY id DESC LIMIT 1`,
    [new Date(booksAtMs - finalAfterMs)],
  )
  return Number(row?.id ?? 0)
}

async function* movements(books: BookDb, { max, open }: Cursors['ledger']): AsyncGenerator<Noted[]> {
  const from = `${books.movements} WHERE`
  for (let i = 0; i < open.length; i += gapsAtOnce) {
    const gaps = open.slice(i, i + gapsAtOnce).map((gap) => `id BETWEEN ${gap.from} AND ${gap.to}`)
    const rows = await books.query<Noted>(`${from} ${gaps.join(' OR ')} ORDER BY id`, [])
    if (rows.length > 0) yield rows
  }
  for (let after = max; ; ) {
    const rows = await books.query<Noted>(`${from} id > ?1 ORDER BY id LIMIT ?2`, [after, pageMax])
    if (rows.length > 0) yield rows
    if (rows.length < pageMax) return
    after = rows.at(-1)?.id ?? after
  }
}

type Title = { isbn: string; copies: number; held: number; sold: number; updated_at: Date }

/** @param isbns of the titles, or undefined for all */
async function stageTitles(
  books: BookDb,
  isbns: readonly string[] | undefined,
  later: readonly Movement[],
  staging: Staging,
): Promise<void> {
  const after = new Map<string, { copies: number; held: number; sold: number }>()
  for (const { isbn, copies_delta, held_delta, sold_delta } of later) {
    const sum = after.get(isbn) ?? { copies: 0, held: 0, sold: 0 }
    sum.copies += copies_delta
    sum.held += held_delta
    sum.sold += sold_delta
    after.set(isbn, sum)
  }
  for await (const titles of titlesOf(books, isbns)) {
    for (const title of titles) {
      const minus = after.get(title.isbn)
      staging.add('stock', {
        ...title,
        copies: title.copies - (minus?.copies ?? 0),
        held: title.held - (minus?.held ?? 0),
        sold: title.sold - (minus?.sold ?? 0),
      })
    }
    await staging.relieve()
  }
}

async function* titlesOf(books: BookDb, isbns: readonly string[] | undefined): AsyncGenerator<Title[]> {
  const from = `SELECT isbn, copies, held, sold, updated_at FROM ${books.table('stock')} WHERE`
  if (isbns !== undefined) {
    for (let i = 0; i < isbns.length; i += titlesAtOnce)
      yield await books.query<Title>(`${from} ${books.among('isbn', '?1')}`, [
        isbns.slice(i, i + titlesAtOnce),
      ])
    return
  }
  for (let after = ''; ; ) {
    const rows = await books.query<Title>(`${from} isbn > ?1 ORDER BY isbn LIMIT ?2`, [after, pageMax])
    yield rows
    if (rows.length < pageMax) return
    after = rows.at(-1)?.isbn ?? after
  }
}
