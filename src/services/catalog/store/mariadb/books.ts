import { systemClock } from '#ports/clock'
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
import type { BookEntry, BookKeys } from '../../search/book-keys.ts'
import type { BookChanges, BookStore, NewBookEntry, StockCounts } from '../book-store.ts'
import { inTransaction } from './in-transaction.ts'
import { createBookReader } from './reader.ts'
import {
  derivedColumns,
  fieldColumns,
  insertRows,
  keyColumns,
  list,
  namesOf,
  readBooks,
  valuesOf,
  wordsDigest,
} from './rows.ts'
import { rewriteWords, writeWords } from './words.ts'

/** Books in MariaDB or MySQL. */
export function createBookStore(database: Database): BookStore {
  return {
    ...createBookReader(database),
    salesOpened: ({ atMs, isbn }, untilMs, limit) =>
      readBooks(
        database,
        `WHERE b.sales_open_at >= ? AND (b.sales_open_at > ? OR b.isbn > ?) AND b.sales_open_at <= ?
         ORDER BY b.sales_open_at, b.isbn LIMIT ?`,
        [new Date(atMs), new Date(atMs), isbn, new Date(untilMs), limit],
      ),
    async pricesDue(untilMs, limit) {
      const rows = await database.query<{ isbn: string }>(
        'SELECT isbn FROM books WHERE price_changes_at <= ? ORDER BY price_changes_at, isbn LIMIT ?',
        [new Date(untilMs), limit],
      )
      return rows.map(({ isbn }) => isbn)
    },
    booksAfter: (isbn, limit) =>
      readBooks(database, 'WHERE b.isbn > ? ORDER BY b.isbn LIMIT ?', [isbn, limit]),
    announce: (news, { fence, place }) =>
      inTransaction(database, async (tx) => {
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
      inTransaction(database, (tx) => renewKeys(tx, { version, limit }, keysOf)),
  }
}

/** @param written gets the ISBNs of all books that are written to */
function changesOn(tx: Transaction, written: Set<string>): BookChanges {
  const note = (books: readonly { isbn: string }[]) => {
    for (const { isbn } of books) written.add(isbn)
  }
  return {
    lock: (isbns) => lockBooks(tx, isbns),
    lockWithStock: async (isbn) => (await readBooks(tx, 'WHERE b.isbn = ? FOR UPDATE', [isbn]))[0],
    lockStock: (isbns) => lockStock(tx, isbns),
    async moveCopies(moves, reason) {
      note(moves)
      await moveCopies(tx, moves, reason)
    },
    add(books) {
      note(books)
      return add(tx, books)
    },
    replace(books) {
      note(books)
      return replace(tx, books)
    },
    async remove({ isbn, copies }) {
      note([{ isbn }])
      if (copies > 0)
        await tx.execute(
          `INSERT INTO ledger (isbn, movement, copies_delta, reason) VALUES (?, 'removed', ?, 'book removed')`,
          [isbn, -copies],
        )
      await tx.execute('DELETE FROM books WHERE isbn = ?', [isbn])
    },
    announce: (news) => announce(tx, stockChangedTopic, news),
  }
}

/** The books' own rows alone are locked, apart from their stock, which orders go on taking copies from. */
async function lockBooks(tx: Transaction, isbns: readonly string[]): Promise<Map<string, BookRow>> {
  if (isbns.length === 0) return new Map()
  const asked = [...isbns].sort()
  const [, rows] = await Promise.all([
    tx.query(`SELECT isbn FROM books WHERE isbn IN (${list(asked.length)}) ORDER BY isbn FOR UPDATE`, asked),
    readBooks(tx, `WHERE b.isbn IN (${list(asked.length)}) ORDER BY b.isbn`, asked),
  ])
  return new Map(rows.map((row) => [row.isbn, row]))
}

async function lockStock(tx: Transaction, isbns: readonly string[]): Promise<Map<string, StockCounts>> {
  if (isbns.length === 0) return new Map()
  const asked = [...isbns].sort()
  const rows = await tx.query<StockCounts>(
    `SELECT isbn, copies, held, sold FROM stock WHERE isbn IN (${list(asked.length)}) ORDER BY isbn FOR UPDATE`,
    asked,
  )
  return new Map(rows.map((row) => [row.isbn, row]))
}

async function moveCopies(
  tx: Transaction,
  moves: readonly { isbn: string; copies: number }[],
  reason: string,
): Promise<void> {
  const ledger = moves.map(({ isbn, copies }) => [isbn, 'set-copies', copies, reason])
  await Promise.all([
    insertRows(tx, 'INSERT INTO ledger', ['isbn', 'movement', 'copies_delta', 'reason'], ledger),
    ...moves.map(({ isbn, copies }) =>
      tx.execute(
        'UPDATE stock SET copies = copies + ?, version = version + 1, updated_at = NOW(6) WHERE isbn = ?',
        [copies, isbn],
      ),
    ),
  ])
}

async function announce(
  statements: Statements,
  topic: string,
  news: StockChanged | CatalogueChanged,
): Promise<void> {
  await statements.execute('INSERT INTO outbox (topic, payload) VALUES (?, ?)', [topic, JSON.stringify(news)])
}

const bookColumns = [
  'isbn',
  'made',
  'words_digest',
  ...namesOf([...fieldColumns, ...derivedColumns, ...keyColumns]),
]
/** Descriptions are long: so many books go in one statement. */
const booksPerStatementMax = 100

async function add(tx: Transaction, books: readonly NewBookEntry[]): Promise<number> {
  const sorted = books.toSorted((a, b) => (a.isbn < b.isbn ? -1 : 1))
  // Which of them were not there yet is told by whose they are then: rows are counted alike where they were.
  const made = systemClock.uuid()
  const rows = sorted.map((entry) => [
    ...[entry.isbn, made, wordsDigest(entry)],
    ...valuesOf(fieldColumns, entry.fields),
    ...valuesOf(derivedColumns, entry.fields),
    ...valuesOf(keyColumns, entry.keys),
  ])
  await insertRows(
    tx,
    'INSERT INTO books',
    bookColumns,
    rows,
    'ON DUPLICATE KEY UPDATE version = version',
    booksPerStatementMax,
  )
  const isbns = sorted.map(({ isbn }) => isbn)
  const ours = await tx.query<{ isbn: string }>(
    `SELECT isbn FROM books WHERE isbn IN (${list(isbns.length)}) AND made = ?`,
    [...isbns, made],
  )
  const added = new Set(ours.map(({ isbn }) => isbn))
  const fresh = sorted.filter(({ isbn }) => added.has(isbn))
  const stock = fresh.map(({ isbn, copies }) => [isbn, copies])
  const opened = fresh
    .filter(({ copies }) => copies > 0)
    .map(({ isbn, copies, reason }) => [isbn, 'opening', copies, reason])
  await insertRows(tx, 'INSERT INTO stock', ['isbn', 'copies'], stock)
  await insertRows(tx, 'INSERT INTO ledger', ['isbn', 'movement', 'copies_delta', 'reason'], opened)
  await writeWords(
    tx,
    fresh.map(({ isbn, keys, fields }) => ({ isbn, keys, subjects: fields.subjects })),
  )
  return added.size
}

/** Assignments are made from left to right, so the version is first, while the others are as they were. */
const replaceBook = `
  UPDATE books SET version = version + IF(${namesOf(fieldColumns)
    .map((name) => `${name} <=> ?`)
    .join(' AND ')}, 0, 1), updated_at = NOW(6),
    ${[...namesOf([...fieldColumns, ...derivedColumns, ...keyColumns]), 'words_digest'].map((name) => `${name} = ?`).join(', ')}
  WHERE isbn = ?`

async function replace(tx: Transaction, books: readonly BookEntry[]): Promise<void> {
  if (books.length === 0) return
  const isbns = books.map(({ isbn }) => isbn)
  const digests = await tx.query<{ isbn: string; digest: string }>(
    `SELECT isbn, words_digest AS digest FROM books WHERE isbn IN (${list(isbns.length)})`,
    isbns,
  )
  const before = new Map(digests.map(({ isbn, digest }) => [isbn, digest]))
  await Promise.all(
    books.map(({ isbn, fields, keys }) => {
      const values = valuesOf(fieldColumns, fields)
      const more = [
        ...valuesOf(derivedColumns, fields),
        ...valuesOf(keyColumns, keys),
        wordsDigest({ fields, keys }),
      ]
      return tx.execute(replaceBook, [...values, ...values, ...more, isbn])
    }),
  )
  await rewriteWords(
    tx,
    books
      .filter((entry) => before.has(entry.isbn) && before.get(entry.isbn) !== wordsDigest(entry))
      .map(({ isbn, keys, fields }) => ({ isbn, keys, subjects: fields.subjects })),
  )
}

async function renewKeys(
  tx: Transaction,
  { version, limit }: { version: number; limit: number },
  keysOf: (book: BookRow) => BookKeys,
): Promise<number> {
  const locked = await tx.query<{ isbn: string }>(
    `SELECT isbn FROM books WHERE keys_version < ? ORDER BY isbn LIMIT ? FOR UPDATE SKIP LOCKED`,
    [version, limit],
  )
  if (locked.length === 0) return 0
  const books = await readBooks(
    tx,
    `WHERE b.isbn IN (${list(locked.length)})`,
    locked.map(({ isbn }) => isbn),
  )
  const renewed = books.map((book) => ({ book, keys: keysOf(book) }))
  const set = [...namesOf(keyColumns), 'words_digest'].map((name) => `${name} = ?`).join(', ')
  await Promise.all(
    renewed.map(({ book, keys }) =>
      tx.execute(`UPDATE books SET ${set} WHERE isbn = ?`, [
        ...valuesOf(keyColumns, keys),
        wordsDigest({ fields: book, keys }),
        book.isbn,
      ]),
    ),
  )
  await rewriteWords(
    tx,
    renewed.map(({ book, keys }) => ({ isbn: book.isbn, keys, subjects: book.subjects })),
  )
  return books.length
}

async function fillOnce(database: Database, mark: string, fill: () => Promise<void>): Promise<void> {
  const set = (name: string) =>
    database.execute('INSERT INTO marks (name) VALUES (?) ON DUPLICATE KEY UPDATE name = name', [name])
  const begun = `${mark} begun`
  // The books are written on other connections meanwhile.
  await database.exclusively(`catalog: ${mark}`, async (session) => {
    const marks = await session.query<{ name: string }>('SELECT name FROM marks WHERE name IN (?, ?)', [
      mark,
      begun,
    ])
    const has = (name: string) => marks.some((each) => each.name === name)
    if (has(mark)) return
    const books = await session.query('SELECT isbn FROM books LIMIT 1')
    if (has(begun) || books.length === 0) {
      await set(begun)
      await fill()
    }
    await set(mark)
  })
}
