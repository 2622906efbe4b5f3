import { assert } from '#kernel/assert'
import { faultPoint } from '#kernel/fault-point'
import { packTexts } from '#kernel/packed-list'
import {
  type InDoubt,
  idOfPrepared,
  type Participant,
  preparedName,
  transactionLifeMs,
} from '#kernel/transaction'
import { type Clock, uuid7TimeMs } from '#ports/clock'
import { type Database, intArray, type Transaction, textArray } from '#ports/database'
import type { StockChanged, StockRequest, StockVote } from '#services/catalog'
import { stockChangedTopic } from '#services/catalog'
import { availableOf, statusOf } from '../availability.ts'
import { type Decided, decide, type Movement, type Title } from './decide.ts'

export type StockParticipant = Participant<StockRequest, StockVote>

/**
 * Catalog's side of two-phase commit. A group's titles are locked in ISBN order, decided on in TypeScript, moved by
 * one set-based statement and left prepared; their locks go with the commit or abort, from any connection.
 */
export function createStockParticipant(database: Database, clock: Clock): StockParticipant {
  return {
    name: 'catalog',
    async prepare(id, requests) {
      assert(clock.now() - uuid7TimeMs(id) < transactionLifeMs, `transaction ${id} is too old to be prepared`)
      const vote = await database.transaction(async (tx): Promise<StockVote> => {
        const titles = await lockTitles(tx, requests)
        const decided = decide(titles, requests, clock.now())
        const { answers } = decided
        if (decided.movements.length === 0) return { kind: 'nothing', answers, titles: [] }
        tx.prepareAs(preparedName(id))
        // Not waited for: it travels with PREPARE TRANSACTION, and the transaction fails if it does.
        moveStock(tx, id, titles, decided, clock.now()).catch(() => undefined)
        await faultPoint('catalog:before-prepare')
        return { kind: 'prepared', answers, titles: decided.titles }
      })
      await faultPoint('catalog:after-prepare')
      return vote
    },
    async commit(id) {
      await faultPoint('catalog:before-commit')
      await database.prepared.commit(preparedName(id))
      await faultPoint('catalog:after-commit')
    },
    async abort(id) {
      await database.prepared.abort(preparedName(id))
    },
    async inDoubt() {
      const all = await database.prepared.inDoubt()
      return all.flatMap(({ id, ageMs }): InDoubt[] => {
        const ours = idOfPrepared(id)
        return ours === undefined ? [] : [{ id: ours, ageMs }]
      })
    },
  }
}

/** Forgets transactions that are too old to be prepared again. @returns how many */
export async function forgetTransactions(database: Database): Promise<number> {
  return await database.execute(
    'DELETE FROM catalog.transactions WHERE prepared_at < now() - make_interval(secs => $1)',
    [(2 * transactionLifeMs) / 1000],
  )
}

async function lockTitles(tx: Transaction, requests: readonly StockRequest[]): Promise<Map<string, Title>> {
  const isbns = new Set<string>()
  for (const request of requests) {
    if (request.kind === 'set-copies') isbns.add(request.isbn)
    else for (const line of request.lines) isbns.add(line.isbn)
  }
  const rows = await tx.query<Title>(
    `SELECT s.isbn, b.title, s.copies, s.held, s.sold, b.price_amount AS "priceAmount",
            b.price_currency AS "priceCurrency", b.limited, b.per_customer AS "perCustomer",
            b.sales_open_at AS "salesOpenAt"
       FROM catalog.stock s JOIN catalog.books b USING (isbn)
      WHERE s.isbn = ANY($1::text[]) ORDER BY s.isbn FOR UPDATE OF s`,
    [texts([...isbns])],
  )
  return new Map(rows.map((row) => [row.isbn, row]))
}

/** Stock, ledger and the news of it in one statement. The CHECK on the stock row is the last line of defence. */
async function moveStock(
  tx: Transaction,
  id: string,
  titles: ReadonlyMap<string, Title>,
  { movements }: Decided,
  nowMs: number,
): Promise<void> {
  const sums = sumByTitle(movements)
  await tx.execute(
    `WITH noted AS (
       INSERT INTO catalog.ledger (transaction_id, isbn, movement, copies_delta, held_delta, sold_delta, reason)
       SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::int[]), unnest($5::int[]), unnest($6::int[]),
              unnest($7::text[])
     ), once AS (
       INSERT INTO catalog.transactions (id) VALUES ($1)
     ), announced AS (
       INSERT INTO catalog.outbox (topic, payload) VALUES ($8, $9)
     )
     UPDATE catalog.stock s
        SET copies = s.copies + d.copies, held = s.held + d.held, sold = s.sold + d.sold,
            version = s.version + 1, updated_at = now()
       FROM (SELECT unnest($10::text[]) AS isbn, unnest($11::int[]) AS copies, unnest($12::int[]) AS held,
                    unnest($13::int[]) AS sold) d
      WHERE s.isbn = d.isbn`,
    [
      id,
      texts(movements.map((each) => each.isbn)),
      texts(movements.map((each) => each.movement)),
      ...deltas(movements),
      movements.map((each) => each.reason),
      stockChangedTopic,
      JSON.stringify(newsOf(sums, titles, nowMs)),
      texts(sums.map((each) => each.isbn)),
      ...deltas(sums),
    ],
  )
}

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
