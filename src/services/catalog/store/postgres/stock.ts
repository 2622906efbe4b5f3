import { packTexts } from '#kernel/packed-list'
import type { Database, Transaction } from '#ports/database'
import { intArray, textArray } from '#ports/postgres'
import { stockChangedTopic } from '#services/catalog'
import { preparedStock } from '../prepared-stock.ts'
import type { SeenTitle, StockDelta, StockMoves, StockStore } from '../stock-store.ts'

/** Stock in PostgreSQL: rows locked in key order, moved by one set-based statement, left prepared. */
export const createStockStore = (database: Database, prepared: Database['prepared']): StockStore =>
  preparedStock(database, prepared, {
    lock: lockTitles,
    move(tx, id, moves) {
      // Not waited for: its failure is the transaction's, with whose end it travels.
      moveStock(tx, id, moves).catch(() => {})
      return undefined
    },
    forget: (olderThanMs) =>
      database.execute(
        'DELETE FROM catalog.transactions WHERE prepared_at < now() - make_interval(secs => $1)',
        [olderThanMs / 1000],
      ),
  })

async function lockTitles(tx: Transaction, isbns: ReadonlySet<string>): Promise<Map<string, SeenTitle>> {
  const rows = await tx.query<SeenTitle>(
    `SELECT s.isbn, b.title, s.copies, s.held, s.sold, b.price_amount AS "priceAmount",
            b.price_currency AS "priceCurrency", b.limited, b.per_customer AS "perCustomer",
            b.sales_open_at AS "salesOpenAt", s.version, b.version AS "bookVersion", b.created_at::text AS "bookMark"
       FROM catalog.stock s JOIN catalog.books b USING (isbn)
      WHERE s.isbn = ANY($1::text[]) ORDER BY s.isbn FOR UPDATE OF s`,
    [textArray(packTexts([...isbns]))],
  )
  return new Map(rows.map((row) => [row.isbn, row]))
}

/** Stock, ledger and the news of it in one statement. What cannot be sent is thrown at once. */
function moveStock(
  tx: Transaction,
  id: string,
  { movements, sums, news, expected }: StockMoves,
): Promise<number> {
  const params = [
    id,
    texts(movements.map((each) => each.isbn)),
    texts(movements.map((each) => each.movement)),
    ...deltas(movements),
    movements.map((each) => each.reason),
    stockChangedTopic,
    JSON.stringify(news),
    texts(sums.map((each) => each.isbn)),
    ...deltas(sums),
  ]
  if (expected === undefined) return tx.execute(moveLocked, params)
  const { version, copies, held, sold, bookVersion, bookMark } = expected
  return tx.execute(moveExpected, [...params, version, copies, held, sold, bookVersion, bookMark])
}

const noteMovements = `
  WITH noted AS (
    INSERT INTO catalog.ledger (transaction_id, isbn, movement, copies_delta, held_delta, sold_delta, reason)
    SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::int[]), unnest($5::int[]), unnest($6::int[]),
           unnest($7::text[])
  ), once AS (
    INSERT INTO catalog.transactions (id) VALUES ($1)
  ), announced AS (
    INSERT INTO catalog.outbox (topic, payload) VALUES ($8, $9)
  ), d AS (
    SELECT unnest($10::text[]) AS isbn, unnest($11::int[]) AS copies, unnest($12::int[]) AS held,
           unnest($13::int[]) AS sold
  )`

const updateStock = `
  UPDATE catalog.stock s
     SET copies = s.copies + d.copies, held = s.held + d.held, sold = s.sold + d.sold,
         version = s.version + 1, updated_at = now()
    FROM d`

const moveLocked = `${noteMovements} ${updateStock} WHERE s.isbn = d.isbn`

const moveExpected = `${noteMovements}, moved AS (
    ${updateStock} JOIN catalog.books b USING (isbn)
     WHERE s.isbn = d.isbn AND (s.version, s.copies, s.held, s.sold) = ($14, $15, $16, $17)
       AND (b.version, b.created_at) = ($18, $19)
    RETURNING s.isbn
  )
  SELECT catalog.must_be_one(count(*)) FROM moved`

const texts = (values: readonly string[]) => textArray(packTexts(values))

const deltas = (all: readonly StockDelta[]) => [
  intArray(all.map((each) => each.copies)),
  intArray(all.map((each) => each.held)),
  intArray(all.map((each) => each.sold)),
]
