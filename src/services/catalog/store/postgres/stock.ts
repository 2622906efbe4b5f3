import { packTexts } from '#kernel/packed-list'
import { type InDoubt, idOfPrepared, preparedName } from '#kernel/transaction'
import { systemClock, uuid7TimeMs } from '#ports/clock'
import type { Database, Transaction, Voted } from '#ports/database'
import { intArray, textArray } from '#ports/postgres'
import { stockChangedTopic } from '#services/catalog'
import type { SeenTitle, StockDelta, StockMoves, StockStore } from '../stock-store.ts'

/**
 * Stock in PostgreSQL: rows locked in key order, moved by one set-based statement, left prepared.
 * @param prepared finishes; on connections of its own, for those of `database` may all be waiting for just that
 */
export function createStockStore(
  database: Database,
  prepared: Database['prepared'] = database.prepared,
): StockStore {
  return {
    async prepare(id, work) {
      const { result } = await database.prepare(preparedName(id), async (tx) => {
        let kind: Voted['kind'] = 'nothing'
        const result = await work({
          lock: (isbns) => lockTitles(tx, isbns),
          move(moves) {
            kind = 'prepared'
            // Its failure is the transaction's.
            moveStock(tx, id, moves).catch(() => {})
          },
        })
        return { kind, result }
      })
      return result
    },
    async commit(id) {
      await prepared.commit(preparedName(id))
    },
    async abort(id) {
      await prepared.abort(preparedName(id))
    },
    async inDoubt() {
      const ids = (await prepared.inDoubt()).flatMap((name) => idOfPrepared(name) ?? [])
      const nowMs = systemClock.now()
      return ids.sort().map((id): InDoubt => ({ id, ageMs: Math.max(0, nowMs - uuid7TimeMs(id)) }))
    },
    forget: (olderThanMs) =>
      database.execute(
        'DELETE FROM catalog.transactions WHERE prepared_at < now() - make_interval(secs => $1)',
        [olderThanMs / 1000],
      ),
  }
}

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
