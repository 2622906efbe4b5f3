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
import {
  type Database,
  DatabaseBusy,
  SerializationFailure,
  type Transaction,
  textArray,
} from '#ports/database'
import type { StockRequest, StockVote } from '#services/catalog'
import { type Decided, decide, isbnsOf, type Title } from './decide.ts'
import { createLeftTitles, decideAsLeft, type LeftTitles, type SeenTitle } from './left-titles.ts'
import { moveStock } from './move-stock.ts'

/** Who asked gives up a little later. Nothing is left prepared after that: its titles would be locked until recovery. */
const preparedWithinMs = 3_000

export type StockParticipant = Participant<StockRequest, StockVote>

/**
 * Catalog's side of two-phase commit. A group's titles are locked in ISBN order, decided on in TypeScript, moved by
 * one set-based statement and left prepared; their locks go with the commit or abort, from any connection. A group of
 * one title is decided on as the last one left it, without asking; the statement that moves it checks that it was.
 * @param prepared finishes; on connections of its own, for those of `database` may all be waiting for just that
 */
export function createStockParticipant(
  database: Database,
  clock: Clock,
  prepared: Database['prepared'] = database.prepared,
): StockParticipant {
  const left = createLeftTitles()
  return {
    name: 'catalog',
    async prepare(id, requests) {
      assert(clock.now() - uuid7TimeMs(id) < transactionLifeMs, `transaction ${id} is too old to be prepared`)
      const group = { database, clock, id, requests, isbns: isbnsOf(requests), sinceMs: clock.monotonicMs() }
      const vote = (await prepareAsLeft(group, left)) ?? (await prepareLocked(group, left))
      await faultPoint('catalog:after-prepare')
      return vote
    },
    async commit(id) {
      await faultPoint('catalog:before-commit')
      await prepared.commit(preparedName(id))
      await faultPoint('catalog:after-commit')
    },
    async abort(id) {
      await prepared.abort(preparedName(id))
    },
    async inDoubt() {
      const all = await prepared.inDoubt()
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

type Group = {
  database: Database
  clock: Clock
  id: string
  requests: readonly StockRequest[]
  isbns: ReadonlySet<string>
  /** When it arrived, on the monotonic clock. */
  sinceMs: number
}

/** @returns undefined, with nothing done, when the group has to ask how its title stands */
async function prepareAsLeft(group: Group, left: LeftTitles): Promise<StockVote | undefined> {
  const nowMs = group.clock.now()
  const expected = left.only(group.isbns)
  const decided = expected && decideAsLeft(expected, group.requests, nowMs)
  if (decided === undefined) return undefined
  const { title } = decided
  const titles = new Map([[title.isbn, title]])
  left.forget(title.isbn)
  try {
    const vote = await group.database.transaction((tx) => move(tx, group, nowMs, titles, decided, expected))
    left.note(title)
    return vote
  } catch (error) {
    if (error instanceof SerializationFailure) return undefined
    throw error
  }
}

async function prepareLocked(group: Group, left: LeftTitles): Promise<StockVote> {
  let titles = new Map<string, SeenTitle>()
  const vote = await group.database.transaction(async (tx) => {
    titles = await lockTitles(tx, group.isbns)
    // What comes after the wait for the locks is later than what was waited for, in the news as well.
    const nowMs = group.clock.now()
    return await move(tx, group, nowMs, titles, decide(titles, group.requests, nowMs))
  })
  const [title] = titles.values()
  if (vote.kind === 'prepared' && title !== undefined && titles.size === 1) left.note(title)
  return vote
}

async function move(
  tx: Transaction,
  { id, clock, sinceMs }: Group,
  nowMs: number,
  titles: ReadonlyMap<string, Title>,
  decided: Decided,
  expected?: SeenTitle,
): Promise<StockVote> {
  const { answers } = decided
  if (decided.movements.length === 0) return { kind: 'nothing', answers, titles: [] }
  if (clock.monotonicMs() - sinceMs > preparedWithinMs)
    throw new DatabaseBusy('the titles were locked for longer than anybody waits')
  tx.prepareAs(preparedName(id))
  // Not waited for: it travels with PREPARE TRANSACTION, and the transaction fails if it does.
  moveStock(tx, { id, nowMs }, titles, decided, expected).catch(() => {})
  await faultPoint('catalog:before-prepare')
  return { kind: 'prepared', answers, titles: decided.titles }
}

async function lockTitles(tx: Transaction, isbns: ReadonlySet<string>): Promise<Map<string, SeenTitle>> {
  const rows = await tx.query<SeenTitle>(
    `SELECT s.isbn, b.title, s.copies, s.held, s.sold, b.price_amount AS "priceAmount",
            b.price_currency AS "priceCurrency", b.limited, b.per_customer AS "perCustomer",
            b.sales_open_at AS "salesOpenAt", s.version, b.version AS "bookVersion", b.created_at::text AS "bookCreatedAt"
       FROM catalog.stock s JOIN catalog.books b USING (isbn)
      WHERE s.isbn = ANY($1::text[]) ORDER BY s.isbn FOR UPDATE OF s`,
    [textArray(packTexts([...isbns]))],
  )
  return new Map(rows.map((row) => [row.isbn, row]))
}
