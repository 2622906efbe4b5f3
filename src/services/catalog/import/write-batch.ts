import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import { type Database, DatabaseBusy, DatabaseUnavailable, type Transaction } from '#ports/database'
import { statusOf } from '../books/availability.ts'
import { type BookFields, completed } from '../books/book-fields.ts'
import { type BookRow, bookColumns, fieldsOf } from '../books/book-row.ts'
import { columns, typeOf, valuesOf } from '../books/write-book.ts'
import { announce } from '../stock/announce.ts'
import type { ImportedBook, ImportOptions } from './source.ts'

export type BatchCounts = {
  created: number
  updated: number
  unchanged: number
  /** ISBNs of books that are not in the catalogue, and cannot be added because their records have no title. */
  untitled: ReadonlySet<string>
}

const attemptsMax = 6

/**
 * Writes a batch of different books in one transaction: new ones with their stock and its first ledger entry, known
 * ones where something differs. Stock of known books is never touched.
 */
export async function writeBatch(
  database: Database,
  books: readonly ImportedBook[],
  options: ImportOptions,
  clock: Clock,
): Promise<BatchCounts> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await database.transaction((tx) => write(tx, books, options, clock.now()))
    } catch (error) {
      const passes =
        error instanceof DatabaseBusy || error instanceof DatabaseUnavailable || error instanceof Overtaken
      if (!passes || attempt + 1 >= attemptsMax) throw error
      await clock.sleep(backoffMs(attempt, clock.random(), 200, 5_000))
    }
  }
}

/** Somebody else added one of the books while this batch was on its way. */
class Overtaken extends Error {
  override name = 'Overtaken'
}

type Whole = { isbn: string; fields: BookFields }

async function write(tx: Transaction, books: readonly ImportedBook[], options: ImportOptions, nowMs: number) {
  const known = await lockBooks(
    tx,
    books.map((book) => book.isbn),
  )
  const added = books.filter((book) => !known.has(book.isbn) && book.title !== undefined)
  const untitled = books.filter((book) => !known.has(book.isbn) && book.title === undefined)
  const changed = books.flatMap((book) => {
    const row = known.get(book.isbn)
    const fields = row && merged(row, book)
    return fields === undefined ? [] : [{ isbn: book.isbn, fields }]
  })
  if (added.length > 0) await insert(tx, added, options)
  if (changed.length > 0) await update(tx, changed, known, nowMs)
  return {
    created: added.length,
    updated: changed.length,
    unchanged: known.size - changed.length,
    untitled: new Set(untitled.map((book) => book.isbn)),
  }
}

async function lockBooks(tx: Transaction, isbns: string[]): Promise<Map<string, BookRow>> {
  const rows = await tx.query<BookRow>(
    `select ${bookColumns} from catalog.books b join catalog.stock s using (isbn)
     where b.isbn = any($1) order by b.isbn for no key update of b`,
    [isbns],
  )
  return new Map(rows.map((row) => [row.isbn, row]))
}

/** The book's fields with those of the record, or nothing when they are the same. */
function merged(row: BookRow, book: ImportedBook): BookFields | undefined {
  const before = fieldsOf(row)
  const after = completed({ ...before, ...toldOf(book) })
  return JSON.stringify(after) === JSON.stringify(completed(before)) ? undefined : after
}

/** What a record tells of a book's fields. */
function toldOf({ isbn: _isbn, copies: _copies, price, ...book }: ImportedBook) {
  const { priceIsUnreadable: _unreadable, prices: _prices, details: _details, ...fields } = book
  return { ...fields, ...(price != null && { price }) }
}

async function insert(
  tx: Transaction,
  books: readonly ImportedBook[],
  options: ImportOptions,
): Promise<void> {
  const rows = books.map((book) => ({
    ...documentOf({
      isbn: book.isbn,
      fields: completed({ title: '', price: options.price, ...toldOf(book) }),
    }),
    copies: book.copies ?? options.copies,
  }))
  const inserted = await tx.execute(
    `with incoming as (
       select * from jsonb_to_recordset($1::jsonb) as r (isbn text, copies int, ${recordType})
     ), book as (
       insert into catalog.books (isbn, ${columns.join(', ')})
       select isbn, ${columns.map(columnOf).join(', ')} from incoming order by isbn
       on conflict do nothing returning isbn
     ), opened as (
       insert into catalog.ledger (isbn, movement, copies_delta, reason)
       select isbn, 'opening', copies, 'import' from incoming join book using (isbn) where copies > 0
     )
     insert into catalog.stock (isbn, copies) select isbn, copies from incoming join book using (isbn)`,
    [JSON.stringify(rows)],
  )
  if (inserted < books.length) throw new Overtaken('a book of the batch was added meanwhile')
}

async function update(
  tx: Transaction,
  changed: readonly Whole[],
  known: ReadonlyMap<string, BookRow>,
  nowMs: number,
): Promise<void> {
  await tx.execute(
    `update catalog.books b set ${columns.map((column) => `${column} = r.${columnOf(column)}`).join(', ')},
       version = version + 1, updated_at = now()
     from jsonb_to_recordset($1::jsonb) as r (isbn text, ${recordType}) where b.isbn = r.isbn`,
    [JSON.stringify(changed.map(documentOf))],
  )
  const after = await lockBooks(
    tx,
    changed.map((book) => book.isbn),
  )
  const moved = [...after.values()].filter((row) => {
    const before = known.get(row.isbn)
    return before !== undefined && statusOf(before, nowMs) !== statusOf(row, nowMs)
  })
  await announce(tx, moved, nowMs)
}

/** Columns under names that cannot clash with those of the table. */
const columnOf = (column: string) => `new_${column}`
const recordType = columns.map((column) => `${columnOf(column)} ${typeOf(column)}`).join(', ')

function documentOf({ isbn, fields }: Whole): Record<string, unknown> {
  const values = valuesOf(fields)
  // Contributors are JSON inside JSON here, not text of their own.
  return {
    isbn,
    ...Object.fromEntries(
      columns.map((column, i) => [
        columnOf(column),
        column === 'contributors' ? fields.contributors : values[i],
      ]),
    ),
  }
}
