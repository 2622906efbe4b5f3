import { assert } from '#kernel/assert'
import { faultPoint } from '#kernel/fault-point'
import {
  type InDoubt,
  idOfPrepared,
  type Participant,
  preparedName,
  transactionLifeMs,
} from '#kernel/transaction'
import { type Clock, uuid7TimeMs } from '#ports/clock'
import type { Database, Transaction } from '#ports/database'
import type { StockChanged, StockRequest, StockVote } from '#services/catalog'
import { stockChangedTopic } from '#services/catalog'
import { availableOf, statusOf } from '../availability.ts'
import { type Decided, decide, type Title } from './decide.ts'

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
    [[...isbns]],
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
  const moved = [...new Set(movements.map((movement) => movement.isbn))].map(
    (isbn) => titles.get(isbn) as Title,
  )
  const news: StockChanged = {
    books: moved.map((title) => ({
      isbn: title.isbn,
      available: availableOf(title),
      status: statusOf(title, nowMs),
      asOf: new Date(nowMs).toISOString(),
    })),
  }
  await tx.execute(
    `WITH movement AS (
       SELECT * FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::int[], $7::text[])
         AS m (isbn, movement, copies, held, sold, reason)
     ), noted AS (
       INSERT INTO catalog.ledger (transaction_id, isbn, movement, copies_delta, held_delta, sold_delta, reason)
       SELECT $1, isbn, movement, copies, held, sold, reason FROM movement
     ), once AS (
       INSERT INTO catalog.transactions (id) VALUES ($1)
     ), announced AS (
       INSERT INTO catalog.outbox (topic, payload) VALUES ($8, $9)
     )
     UPDATE catalog.stock s
        SET copies = s.copies + d.copies, held = s.held + d.held, sold = s.sold + d.sold,
            version = s.version + 1, updated_at = now()
       FROM (SELECT isbn, sum(copies)::int AS copies, sum(held)::int AS held, sum(sold)::int AS sold
               FROM movement GROUP BY isbn) d
      WHERE s.isbn = d.isbn`,
    [
      id,
      movements.map((movement) => movement.isbn),
      movements.map((movement) => movement.movement),
      movements.map((movement) => movement.copies),
      movements.map((movement) => movement.held),
      movements.map((movement) => movement.sold),
      movements.map((movement) => movement.reason),
      stockChangedTopic,
      JSON.stringify(news),
    ],
  )
}
