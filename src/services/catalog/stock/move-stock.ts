import { packTexts } from '#kernel/packed-list'
import { intArray, type Transaction, textArray } from '#ports/database'
import { type StockChanged, stockChangedTopic } from '#services/catalog'
import { availableOf, statusOf } from '../books/availability.ts'
import type { Decided, Movement, Title } from './decide.ts'
import type { SeenTitle } from './left-titles.ts'

/**
 * Stock, ledger and the news of it in one statement. The CHECK on the stock row is the last line of defence.
 * @param titles as they are left
 * @param expected how the only title has to be found, if it is not locked
 * @throws SerializationFailure when it is found otherwise; what cannot be sent is thrown at once
 */
export function moveStock(
  tx: Transaction,
  { id, nowMs }: { id: string; nowMs: number },
  titles: ReadonlyMap<string, Title>,
  { movements }: Decided,
  expected: SeenTitle | undefined,
): Promise<number> {
  const sums = sumByTitle(movements)
  const params = [
    id,
    texts(movements.map((each) => each.isbn)),
    texts(movements.map((each) => each.movement)),
    ...deltas(movements),
    movements.map((each) => each.reason),
    stockChangedTopic,
    JSON.stringify(newsOf(sums, titles, nowMs)),
    texts(sums.map((each) => each.isbn)),
    ...deltas(sums),
  ]
  if (expected === undefined) return tx.execute(moveLocked, params)
  const { version, copies, held, sold, bookVersion, bookCreatedAt } = expected
  return tx.execute(moveExpected, [...params, version, copies, held, sold, bookVersion, bookCreatedAt])
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

type Delta = Pick<Movement, 'isbn' | 'copies' | 'held' | 'sold'>

/** What the movements come to for each title. */
function sumByTitle(movements: readonly Movement[]): Delta[] {
  const sums = new Map<string, Delta>()
  for (const { isbn, copies, held, sold } of movements) {
    const sum = sums.get(isbn)
    if (sum === undefined) sums.set(isbn, { isbn, copies, held, sold })
    else {
      sum.copies += copies
      sum.held += held
      sum.sold += sold
    }
  }
  return [...sums.values()]
}

const texts = (values: readonly string[]) => textArray(packTexts(values))

const deltas = (all: readonly Delta[]) => [
  intArray(all.map((each) => each.copies)),
  intArray(all.map((each) => each.held)),
  intArray(all.map((each) => each.sold)),
]

function newsOf(moved: readonly Delta[], titles: ReadonlyMap<string, Title>, nowMs: number): StockChanged {
  const asOf = new Date(nowMs).toISOString()
  const books = moved.map(({ isbn }) => {
    const title = titles.get(isbn) as Title
    return { isbn, available: availableOf(title), status: statusOf(title, nowMs), asOf }
  })
  return { books }
}
