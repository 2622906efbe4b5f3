import { idOfPrepared, transactionLifeMs } from '#kernel/transaction'
import { type Clock, uuid7TimeMs } from '#ports/clock'
import { type Database, DatabaseBusy, type Statements } from '#ports/database'
import { type BookDb, bookDbOf } from './book-db.ts'

/** A transaction that was decided is not finished in BookDb: what there is cannot be parted into before and after. */
class StaysInDoubt extends DatabaseBusy {
  override name = 'StaysInDoubt'
}

/**
 * One consistent cut over both databases. OrderDb's snapshot is the cut: a transaction is before it exactly when its
 * decision is there. BookDb is looked at a little later, when whatever was decided before has been committed there; what
 * it shows of transactions that were decided after is left to the next load, because every movement of stock says which
 * transaction it is of. So an order and its copies are always on one side, and nobody who buys waits for a load.
 */
export type Cut = {
  orders: Statements
  books: BookDb
  /** OrderDb's snapshot and time. */
  snapshot: string
  atMs: number
  booksAtMs: number
  /** Whether nothing in BookDb waits for its end from long ago. */
  isBookDbQuiet: boolean
  /** Those of the transactions that are after the cut. */
  undecided(transactionIds: Iterable<string>): Promise<Set<string>>
}

/** A transaction in doubt is finished within seconds once its coordinator, or recovery, is back. */
const waitMaxMs = 60_000
const lookAgainMs = 50
/** Decisions are kept for twice a transaction's life: one older than this was decided before any cut, or never. */
const decidedByMs = 1.5 * transactionLifeMs
const idsAtOnce = 5_000

export async function withCut<T>(
  orderDb: Database,
  bookDb: Database,
  clock: Clock,
  work: (cut: Cut) => Promise<T>,
): Promise<T> {
  return await orderDb.snapshot(async (orders) => {
    const [at] = await orders.query<{ snapshot: string; at: Date }>(
      'SELECT pg_current_snapshot()::text AS snapshot, now() AS at',
      [],
    )
    if (at === undefined) throw new Error('OrderDb gave no snapshot')
    const atMs = at.at.getTime()
    const inDoubt = await decidedIsCommitted(orders, bookDb, clock)
    return await bookDb.snapshot(async (statements) => {
      const books = bookDbOf(bookDb, statements)
      const [time] = await books.query<{ at: Date }>('SELECT CURRENT_TIMESTAMP(6) AS at', [])
      return await work({
        orders,
        books,
        snapshot: at.snapshot,
        atMs,
        booksAtMs: time?.at.getTime() ?? atMs,
        isBookDbQuiet: inDoubt.every((id) => atMs - uuid7TimeMs(id) < transactionLifeMs),
        undecided: (ids) => undecidedOf(orders, ids, atMs),
      })
    })
  })
}

/**
 * Waits until every transaction that was decided before the cut is committed in BookDb.
 * @returns what is prepared there and was not decided
 * @throws StaysInDoubt
 */
async function decidedIsCommitted(orders: Statements, bookDb: Database, clock: Clock): Promise<string[]> {
  const giveUpMs = clock.monotonicMs() + waitMaxMs
  let hidden = await latelyDecided(orders)
  for (;;) {
    const ids = (await bookDb.prepared.inDoubt()).flatMap((name) => idOfPrepared(name) ?? [])
    hidden = await notIn(bookDb, hidden)
    const decided = new Set([...(await committedOf(orders, ids)), ...hidden])
    if (decided.size === 0) return ids
    if (clock.monotonicMs() > giveUpMs)
      throw new StaysInDoubt(
        `BookDb has not followed the decision on ${[...decided].slice(0, 3).join()}; octavo transactions shows what is in doubt`,
      )
    await clock.sleep(lookAgainMs)
  }
}

/** Not every server lists what it is just committing as prepared: so the last ones have to be seen themselves. */
async function latelyDecided(orders: Statements): Promise<string[]> {
  const rows = await orders.query<{ id: string }>(
    `SELECT transaction_id AS id FROM orders.decisions
      WHERE outcome = 'committed' AND 'catalog' = ANY(participants) AND decided_at > now() - make_interval(secs => $1)`,
    [(2 * waitMaxMs) / 1000],
  )
  return rows.map(({ id }) => id)
}

/** Those of the transactions that BookDb does not show, each of which it notes when it moves stock. */
async function notIn(bookDb: Database, ids: readonly string[]): Promise<string[]> {
  const books = bookDbOf(bookDb, bookDb)
  const hidden = new Set(ids)
  for (let i = 0; i < ids.length; i += idsAtOnce) {
    const rows = await books.query<{ id: string }>(
      `SELECT id FROM ${books.table('transactions')} WHERE ${books.among('id', '?1')}`,
      [ids.slice(i, i + idsAtOnce)],
    )
    for (const { id } of rows) hidden.delete(id)
  }
  return [...hidden]
}

async function undecidedOf(orders: Statements, ids: Iterable<string>, atMs: number): Promise<Set<string>> {
  const young = [...new Set(ids)].filter((id) => atMs - uuid7TimeMs(id) < decidedByMs)
  const undecided = new Set(young)
  for (let i = 0; i < young.length; i += idsAtOnce)
    for (const id of await committedOf(orders, young.slice(i, i + idsAtOnce))) undecided.delete(id)
  return undecided
}

async function committedOf(orders: Statements, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await orders.query<{ id: string }>(
    `SELECT transaction_id AS id FROM orders.decisions WHERE transaction_id = ANY($1::uuid[]) AND outcome = 'committed'`,
    [ids],
  )
  return new Set(rows.map(({ id }) => id))
}
