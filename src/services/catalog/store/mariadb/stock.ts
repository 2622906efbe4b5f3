import { type Database, SerializationFailure, type Transaction } from '#ports/database'
import { stockChangedTopic } from '#services/catalog'
import { preparedStock } from '../prepared-stock.ts'
import type { SeenTitle, StockMoves, StockStore } from '../stock-store.ts'
import { insertRows, list } from './rows.ts'

/** Stock in MariaDB or MySQL: rows locked in key order, moved by one set-based statement, left prepared. */
export const createStockStore = (database: Database, prepared: Database['prepared']): StockStore =>
  preparedStock(database, prepared, {
    lock: lockTitles,
    move: moveStock,
    forget: (olderThanMs) =>
      database.execute('DELETE FROM transactions WHERE prepared_at < NOW(6) - INTERVAL ? MICROSECOND', [
        olderThanMs * 1000,
      ]),
  })

type LockedStock = Pick<SeenTitle, 'isbn' | 'copies' | 'held' | 'sold' | 'version'>
type ReadBook = Omit<SeenTitle, 'copies' | 'held' | 'sold' | 'version' | 'limited'> & { limited: number }

/** The books are read apart, since a lock on a join would lock them too: they are read after the locks were granted. */
async function lockTitles(tx: Transaction, isbns: ReadonlySet<string>): Promise<Map<string, SeenTitle>> {
  if (isbns.size === 0) return new Map()
  const asked = [...isbns].sort()
  const [stock, books] = await Promise.all([
    tx.query<LockedStock>(
      `SELECT isbn, copies, held, sold, version FROM stock WHERE isbn IN (${list(asked.length)})
        ORDER BY isbn FOR UPDATE`,
      asked,
    ),
    tx.query<ReadBook>(
      `SELECT isbn, title, price_amount AS priceAmount, price_currency AS priceCurrency, limited,
              per_customer AS perCustomer, sales_open_at AS salesOpenAt, version AS bookVersion, made AS bookMark
         FROM books WHERE isbn IN (${list(asked.length)})`,
      asked,
    ),
  ])
  const byIsbn = new Map(books.map((book) => [book.isbn, book]))
  return new Map(
    stock.flatMap((row) => {
      const book = byIsbn.get(row.isbn)
      return book === undefined ? [] : [[row.isbn, { ...book, ...row, limited: book.limited === 1 }] as const]
    }),
  )
}

/** Stock first, whose rows others may have locked; ledger, memory of the transaction and news travel with it. */
async function moveStock(tx: Transaction, id: string, moves: StockMoves): Promise<void> {
  const { movements, sums, news, expected } = moves
  const ledger = movements.map(({ isbn, movement, copies, held, sold, reason }) => [
    ...[id, isbn, movement, copies, held, sold, reason],
  ])
  const [moved] = await Promise.all([
    expected === undefined ? moveLocked(tx, sums) : moveExpected(tx, sums, expected),
    tx.execute('INSERT INTO transactions (id) VALUES (?)', [id]),
    insertRows(tx, 'INSERT INTO ledger', ledgerColumns, ledger, '', movementsMax),
    tx.execute('INSERT INTO outbox (topic, payload) VALUES (?, ?)', [
      stockChangedTopic,
      JSON.stringify(news),
    ]),
  ])
  if (expected !== undefined && moved !== 1) throw new SerializationFailure('the title is not as it was left')
}

const ledgerColumns = [
  ...['transaction_id', 'isbn', 'movement', 'copies_delta', 'held_delta', 'sold_delta', 'reason'],
]
/** A group's whole ledger goes in one statement. */
const movementsMax = 20_000

const change =
  'copies = copies + ?, held = held + ?, sold = sold + ?, version = version + 1, updated_at = NOW(6)'

async function moveLocked(tx: Transaction, sums: StockMoves['sums']): Promise<number> {
  const [only] = sums
  if (sums.length === 1 && only)
    return await tx.execute(`UPDATE stock SET ${change} WHERE isbn = ?`, [
      ...[only.copies, only.held, only.sold, only.isbn],
    ])
  // In the form that both servers have.
  const rows = [
    'SELECT ? AS isbn, ? AS copies, ? AS held, ? AS sold',
    ...sums.slice(1).map(() => 'SELECT ?, ?, ?, ?'),
  ]
  return await tx.execute(
    `UPDATE stock s JOIN (${rows.join(' UNION ALL ')}) d ON s.isbn = d.isbn
        SET s.copies = s.copies + d.copies, s.held = s.held + d.held, s.sold = s.sold + d.sold,
            s.version = s.version + 1, s.updated_at = NOW(6)`,
    sums.flatMap(({ isbn, copies, held, sold }) => [isbn, copies, held, sold]),
  )
}

/** A plain subquery reads the book without a lock, so that an edit of the book does not keep its sale waiting. */
function moveExpected(tx: Transaction, sums: StockMoves['sums'], expected: SeenTitle): Promise<number> {
  const { isbn, version, copies, held, sold, bookVersion, bookMark } = expected
  const sum = sums.find((each) => each.isbn === isbn) ?? { copies: 0, held: 0, sold: 0 }
  return tx.execute(
    `UPDATE stock SET ${change}
      WHERE isbn = ? AND version = ? AND copies = ? AND held = ? AND sold = ?
        AND EXISTS (SELECT 1 FROM books b WHERE b.isbn = ? AND b.version = ? AND b.made = ?)`,
    [
      ...[sum.copies, sum.held, sum.sold, isbn, version, copies, held, sold],
      ...[isbn, bookVersion, bookMark],
    ],
  )
}
