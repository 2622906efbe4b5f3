import { systemClock } from '#ports/clock'
import type { Database } from '#ports/database'
import type { LedgerRow, TransferStore, WholeBook } from '../transfer-store.ts'
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
import { writeWords } from './words.ts'

const ledgerColumns = [
  ...['transaction_id', 'isbn', 'movement', 'copies_delta', 'held_delta', 'sold_delta', 'reason', 'at'],
]
const booksPerStatementMax = 100

/** A catalogue in MariaDB or MySQL, carried as it is. Times are kept to the millisecond. */
export function createTransferStore(database: Database): TransferStore {
  return {
    async books(after, limit) {
      const books = await readBooks(database, 'WHERE b.isbn > ? ORDER BY b.isbn LIMIT ?', [after, limit])
      if (books.length === 0) return []
      const times = await database.query<Pick<WholeBook, 'isbn' | 'createdAt' | 'updatedAt'>>(
        `SELECT isbn, created_at AS createdAt, updated_at AS updatedAt FROM books WHERE isbn IN (${list(books.length)})`,
        books.map(({ isbn }) => isbn),
      )
      const byIsbn = new Map(times.map((each) => [each.isbn, each]))
      return books.flatMap((book) => {
        const its = byIsbn.get(book.isbn)
        return its === undefined ? [] : [{ ...book, ...its }]
      })
    },
    ledger: (after, limit) =>
      database.query<LedgerRow>(
        `SELECT id, transaction_id AS transactionId, isbn, movement, copies_delta AS copies, held_delta AS held,
                sold_delta AS sold, reason, at FROM ledger WHERE id > ? ORDER BY id LIMIT ?`,
        [after, limit],
      ),
    async isEmpty() {
      const rows = await database.query(
        '(SELECT isbn FROM books LIMIT 1) UNION ALL (SELECT isbn FROM ledger LIMIT 1)',
      )
      return rows.length === 0
    },
    writeBooks: (books) =>
      database.transaction(async (tx) => {
        const made = systemClock.uuid()
        const rows = books.map(({ book, entry }) => [
          ...[book.isbn, made, wordsDigest(entry), book.version, book.createdAt, book.updatedAt],
          ...valuesOf(fieldColumns, entry.fields),
          ...valuesOf(derivedColumns, entry.fields),
          ...valuesOf(keyColumns, entry.keys),
        ])
        const columns = [
          ...['isbn', 'made', 'words_digest', 'version', 'created_at', 'updated_at'],
          ...namesOf([...fieldColumns, ...derivedColumns, ...keyColumns]),
        ]
        await insertRows(tx, 'INSERT INTO books', columns, rows, '', booksPerStatementMax)
        const stock = books.map(({ book }) => [
          book.isbn,
          book.copies,
          book.held,
          book.sold,
          book.stockVersion,
        ])
        await insertRows(tx, 'INSERT INTO stock', ['isbn', 'copies', 'held', 'sold', 'version'], stock)
        await writeWords(
          tx,
          books.map(({ entry: { isbn, keys, fields } }) => ({ isbn, keys, subjects: fields.subjects })),
        )
      }),
    async writeLedger(rows) {
      const values = rows.map((row) => [
        ...[row.transactionId, row.isbn, row.movement, row.copies, row.held, row.sold, row.reason, row.at],
      ])
      await database.transaction((tx) => insertRows(tx, 'INSERT INTO ledger', ledgerColumns, values))
    },
  }
}
