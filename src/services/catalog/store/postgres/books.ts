import type { Database, Statements, Transaction } from '#ports/database'
import { advanceFence } from '#ports/lease'
import {
  type CatalogueChanged,
  catalogueChangedTopic,
  type StockChanged,
  stockChangedTopic,
} from '#services/catalog'
import type { BookRow } from '../../books/book-row.ts'
import { catalogueChanged } from '../../changes/change-messages.ts'
import type { BookEntry } from '../../search/book-keys.ts'
import {
  type BookChanges,
  type BookReader,
  type BookStore,
  type NewBookEntry,
  type StockCounts,
  Unstorable,
} from '../book-store.ts'
import {
  bookColumns,
  bookTables,
  fieldColumns,
  fieldsAsRecord,
  incoming,
  keyColumns,
  keysAsRecord,
  namesOf,
  recordType,
} from './book-rows.ts'
import { createBookFinder } from './find-words.ts'
import { bookCounts, bookPage } from './list-books.ts'

/** Reads books for display, at a replica too. */
export function createBookReader(reading: Pick<Statements, 'query'>): BookReader {
  return {
    ...createBookFinder(reading),
    async find(isbn) {
      const [row] = await reading.query<BookRow>(
        `SELECT ${bookColumns} FROM ${bookTables} WHERE b.isbn = $1`,
        [isbn],
      )
      return row
    },
    page: (query) => bookPage(reading, query),
    counts: (filter) => bookCounts(reading, filter),
  }
}

/** Books in PostgreSQL. */
export function createBookStore(database: Database): BookStore {
  return {
    ...createBookReader(database),
    salesOpened: ({ atMs, isbn }, untilMs, limit) =>
      database.query<BookRow>(
        `SELECT ${bookColumns} FROM ${bookTables}
          WHERE b.sales_open_at >= $1 AND (b.sales_open_at, b.isbn) > ($1, $2) AND b.sales_open_at <= $3
          ORDER BY b.sales_open_at, b.isbn LIMIT $4`,
        [new Date(atMs), isbn, new Date(untilMs), limit],
      ),
    async pricesDue(untilMs, limit) {
      const rows = await database.query<{ isbn: string }>(
        'SELECT isbn FROM catalog.books WHERE price_changes_at <= $1 ORDER BY price_changes_at, isbn LIMIT $2',
        [new Date(untilMs), limit],
      )
      return rows.map(({ isbn }) => isbn)
    },
    booksAfter: (isbn, limit) =>
      database.query<BookRow>(
        `SELECT ${bookColumns} FROM ${bookTables} WHERE b.isbn > $1 ORDER BY b.isbn LIMIT $2`,
        [isbn, limit],
      ),
    announce: (news, { fence, place }) =>
      database.transaction(async (tx) => {
        await advanceFence(tx, fence, place)
        await announce(tx, stockChangedTopic, news)
      }),
    change: (work) =>
      inTransaction(database, async (tx) => {
        const written = new Set<string>()
        const result = await work(changesOn(tx, written))
        if (written.size > 0) await announce(tx, catalogueChangedTopic, catalogueChanged(written))
        return result
      }),
    fillOnce: (mark, fill) => fillOnce(database, mark, fill),
    renewKeys: (version, limit, keysOf) =>
      inTransaction(database, async (tx) => {
        const books = await tx.query<BookRow>(
          `SELECT ${bookColumns} FROM ${bookTables} WHERE b.keys_version < ${Math.trunc(version)}
            ORDER BY b.isbn LIMIT $1 FOR NO KEY UPDATE OF b SKIP LOCKED`,
          [limit],
        )
        const records = books.map((book) => keysAsRecord(book.isbn, keysOf(book)))
        if (records.length > 0) await tx.execute(replaceKeys, [JSON.stringify(records)])
        return books.length
      }),
  }
}

/** @param written gets the ISBNs of all books that are written to */
function changesOn(tx: Transaction, written: Set<string>): BookChanges {
  return {
    lock: (isbns) => lockBooks(tx, isbns),
    async lockWithStock(isbn) {
      const [row] = await tx.query<BookRow>(
        `SELECT ${bookColumns} FROM ${bookTables} WHERE b.isbn = $1 FOR UPDATE`,
        [isbn],
      )
      return row
    },
    async lockStock(isbns) {
      const rows = await tx.query<StockCounts>(
        `SELECT isbn, copies, held, sold FROM catalog.stock
          WHERE isbn = ANY($1::text[]) ORDER BY isbn FOR UPDATE`,
        [isbns],
      )
      return new Map(rows.map((row) => [row.isbn, row]))
    },
    async moveCopies(moves, reason) {
      const columns = [moves.map(({ isbn }) => isbn), moves.map(({ copies }) => copies)]
      await tx.execute(moveCopies, [...columns, reason])
    },
    add: (books) => add(tx, books, written),
    replace: (books) => replace(tx, books, written),
    async remove({ isbn, copies }) {
      written.add(isbn)
      if (copies > 0)
        await tx.execute(
          `INSERT INTO catalog.ledger (isbn, movement, copies_delta, reason)
           VALUES ($1, 'removed', $2, 'book removed')`,
          [isbn, -copies],
        )
      await tx.execute('DELETE FROM catalog.books WHERE isbn = $1', [isbn])
    },
    announce: (news) => announce(tx, stockChangedTopic, news),
  }
}

/** Source: SQLSTATE class 22, data exceptions. */
async function inTransaction<T>(database: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    return await database.transaction(work)
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
    if (error instanceof Error && typeof cause?.code === 'string' && cause.code.startsWith('22'))
      throw new Unstorable(error.message, { cause })
    throw error
  }
}

const moveCopies = `
  WITH d AS (SELECT unnest($1::text[]) AS isbn, unnest($2::int[]) AS copies), noted AS (
    INSERT INTO catalog.ledger (isbn, movement, copies_delta, reason)
    SELECT isbn, 'set-copies', copies, $3 FROM d
  )
  UPDATE catalog.stock s SET copies = s.copies + d.copies, version = s.version + 1, updated_at = now()
    FROM d WHERE s.isbn = d.isbn`

/** The books' own rows alone are locked: orders go on taking copies from the stock rows meanwhile. */
async function lockBooks(tx: Transaction, isbns: readonly string[]): Promise<Map<string, BookRow>> {
  const rows = await tx.query<BookRow>(
    `SELECT ${bookColumns} FROM ${bookTables}
      WHERE b.isbn = ANY($1::text[]) ORDER BY b.isbn FOR NO KEY UPDATE OF b`,
    [isbns],
  )
  return new Map(rows.map((row) => [row.isbn, row]))
}

async function announce(
  statements: Statements,
  topic: string,
  news: StockChanged | CatalogueChanged,
): Promise<void> {
  await statements.execute('INSERT INTO catalog.outbox (topic, payload) VALUES ($1, $2)', [
    topic,
    JSON.stringify(news),
  ])
}

const columns = [...fieldColumns, ...keyColumns]

const insertBooks = `
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (copies int, reason text, ${recordType(columns)})
  ), book AS (
    INSERT INTO catalog.books (isbn, ${namesOf(columns).join(', ')})
    SELECT isbn, ${namesOf(columns).map(incoming).join(', ')} FROM incoming ORDER BY isbn
    ON CONFLICT DO NOTHING RETURNING isbn
  ), opened AS (
    INSERT INTO catalog.ledger (isbn, movement, copies_delta, reason)
    SELECT isbn, 'opening', copies, reason FROM incoming JOIN book USING (isbn) WHERE copies > 0
  )
  INSERT INTO catalog.stock (isbn, copies) SELECT isbn, copies FROM incoming JOIN book USING (isbn)
  RETURNING isbn`

async function add(tx: Transaction, books: readonly NewBookEntry[], written: Set<string>): Promise<number> {
  const records = books.map(({ copies, reason, ...entry }) => ({ copies, reason, ...fieldsAsRecord(entry) }))
  const added = await tx.query<{ isbn: string }>(insertBooks, [JSON.stringify(records)])
  for (const { isbn } of added) written.add(isbn)
  return added.length
}

const setTo = (names: readonly string[]) => names.map((name) => `${name} = r.${incoming(name)}`).join(', ')

const replaceBooks = `
  UPDATE catalog.books b SET ${setTo(namesOf(columns))}, version = version + 1, updated_at = now()
    FROM jsonb_to_recordset($1::jsonb) AS r (${recordType(columns)})
   WHERE b.isbn = r.isbn AND (${namesOf(fieldColumns).map((name) => `b.${name}`)})
         IS DISTINCT FROM (${namesOf(fieldColumns).map((name) => `r.${incoming(name)}`)})
  RETURNING b.isbn`

async function replace(tx: Transaction, books: readonly BookEntry[], written: Set<string>): Promise<void> {
  const replaced = await tx.query<{ isbn: string }>(replaceBooks, [JSON.stringify(books.map(fieldsAsRecord))])
  for (const { isbn } of replaced) written.add(isbn)
}

const replaceKeys = `
  UPDATE catalog.books b SET ${setTo(namesOf(keyColumns))}
    FROM jsonb_to_recordset($1::jsonb) AS r (${recordType(keyColumns)}) WHERE b.isbn = r.isbn`

/** How long a process waits for another one that is filling. */
const fillWaitMax = '60s'

async function fillOnce(database: Database, mark: string, fill: () => Promise<void>): Promise<void> {
  const set = (statements: Statements, name: string) =>
    statements.execute('INSERT INTO catalog.marks (name) VALUES ($1) ON CONFLICT DO NOTHING', [name])
  const begun = `${mark} begun`
  await database.transaction(async (tx) => {
    await tx.execute(`SET LOCAL lock_timeout = '${fillWaitMax}'`)
    await tx.execute(`SET LOCAL statement_timeout = '${fillWaitMax}'`)
    // The lock is held while the books are written on other connections; its end tells who waits that they are there.
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`catalog: ${mark}`])
    const [state] = await tx.query<{ done: boolean; begun: boolean; empty: boolean }>(
      `SELECT EXISTS (SELECT FROM catalog.marks WHERE name = $1) AS done,
              EXISTS (SELECT FROM catalog.marks WHERE name = $2) AS begun,
              NOT EXISTS (SELECT FROM catalog.books) AS empty`,
      [mark, begun],
    )
    if (state === undefined || state.done) return
    if (state.begun || state.empty) {
      await set(database, begun)
      await fill()
    }
    await set(tx, mark)
  })
}
