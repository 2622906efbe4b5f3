import type { Database } from '#ports/database'
import type { LedgerRow, TransferStore, WholeBook } from '../transfer-store.ts'
import {
  bookColumns,
  bookTables,
  fieldColumns,
  fieldsAsRecord,
  incoming,
  keyColumns,
  namesOf,
  recordType,
} from './book-rows.ts'

const columns = [...fieldColumns, ...keyColumns]

const insertBooks = `
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb)
      AS r (v bigint, c timestamptz, u timestamptz, copies int, held int, sold int, sv bigint, ${recordType(columns)})
  ), book AS (
    INSERT INTO catalog.books (isbn, version, created_at, updated_at, ${namesOf(columns).join(', ')})
    SELECT isbn, v, c, u, ${namesOf(columns).map(incoming).join(', ')} FROM incoming
  )
  INSERT INTO catalog.stock (isbn, copies, held, sold, version) SELECT isbn, copies, held, sold, sv FROM incoming`

const insertLedger = `
  INSERT INTO catalog.ledger (transaction_id, isbn, movement, copies_delta, held_delta, sold_delta, reason, at)
  SELECT t, isbn, movement, copies, held, sold, reason, at FROM jsonb_to_recordset($1::jsonb)
      AS r (place int, t uuid, isbn text, movement text, copies int, held int, sold int, reason text, at timestamptz)
   ORDER BY place`

/** A catalogue in PostgreSQL, carried as it is. Times are kept to the millisecond. */
export function createTransferStore(database: Database): TransferStore {
  return {
    books: (after, limit) =>
      database.query<WholeBook>(
        `SELECT ${bookColumns}, b.created_at AS "createdAt", b.updated_at AS "updatedAt" FROM ${bookTables}
          WHERE b.isbn > $1 ORDER BY b.isbn COLLATE "C" LIMIT $2`,
        [after, limit],
      ),
    ledger: (after, limit) =>
      database.query<LedgerRow>(
        `SELECT id, transaction_id AS "transactionId", isbn, movement, copies_delta AS copies, held_delta AS held,
                sold_delta AS sold, reason, at FROM catalog.ledger WHERE id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      ),
    async isEmpty() {
      const rows = await database.query(
        '(SELECT isbn FROM catalog.books LIMIT 1) UNION ALL (SELECT isbn FROM catalog.ledger LIMIT 1)',
      )
      return rows.length === 0
    },
    async writeBooks(books) {
      const records = books.map(({ book, entry }) => ({
        ...{ v: book.version, c: book.createdAt, u: book.updatedAt, sv: book.stockVersion },
        ...{ copies: book.copies, held: book.held, sold: book.sold },
        ...fieldsAsRecord(entry),
      }))
      await database.execute(insertBooks, [JSON.stringify(records)])
    },
    async writeLedger(rows) {
      const records = rows.map(({ id: _, transactionId, ...row }, place) => ({
        ...row,
        t: transactionId,
        place,
      }))
      await database.execute(insertLedger, [JSON.stringify(records)])
    },
  }
}
