import { type Check, check } from '#kernel/invariant'
import type { Database } from '#ports/database'
import { createStockStore } from './store/postgres/stock.ts'

/** A prepared transaction, and a message in the outbox, may be this old before something is wrong. */
const inDoubtMaxMs = 10_000
const outboxMaxSeconds = 60

type StockSums = { isbn: string; copies: number; held: number; sold: number }

/** What BookDb must say of itself. */
export async function auditBooks(database: Database): Promise<Check[]> {
  return [
    await neverOversold(database),
    await ledgerAddsUp(database),
    await nothingInDoubt(database),
    await newsGoesOut(database),
  ]
}

async function neverOversold(database: Database): Promise<Check> {
  const rows = await database.query<StockSums & { over: boolean }>(
    'SELECT isbn, copies, held, sold, (held < 0 OR sold < 0 OR held + sold > copies) AS over FROM catalog.stock',
    [],
  )
  const over = rows.filter((row) => row.over)
  return check(
    'sold + held never exceed the copies',
    rows.length,
    over.map(({ isbn, held, sold, copies }) => `${isbn}: held ${held} + sold ${sold} > ${copies} copies`),
  )
}

async function ledgerAddsUp(database: Database): Promise<Check> {
  const rows = await database.query<StockSums & { ledger: number[]; wrong: boolean }>(
    `SELECT isbn, s.copies, s.held, s.sold,
            ARRAY[coalesce(l.copies, 0), coalesce(l.held, 0), coalesce(l.sold, 0)]::float8[] AS ledger,
            (s.copies, s.held, s.sold) IS DISTINCT FROM
              (coalesce(l.copies, 0), coalesce(l.held, 0), coalesce(l.sold, 0)) AS wrong
       FROM catalog.stock s
       LEFT JOIN (SELECT isbn, sum(copies_delta) AS copies, sum(held_delta) AS held, sum(sold_delta) AS sold
                    FROM catalog.ledger GROUP BY isbn) l USING (isbn)`,
    [],
  )
  const wrong = rows.filter((row) => row.wrong)
  return check(
    'the ledger adds up to the stock row',
    rows.length,
    wrong.map((row) => `${row.isbn}: stock ${[row.copies, row.held, row.sold]}, ledger ${row.ledger}`),
  )
}

async function nothingInDoubt(database: Database): Promise<Check> {
  const all = await createStockStore(database).inDoubt()
  const late = all.filter(({ ageMs }) => ageMs > inDoubtMaxMs)
  return check(
    'no transaction stays in doubt',
    all.length,
    late.map(({ id, ageMs }) => `${id} began ${Math.round(ageMs / 1000)} s ago and is still prepared`),
  )
}

async function newsGoesOut(database: Database): Promise<Check> {
  const rows = await database.query<{ id: number; seconds: number }>(
    `SELECT id, extract(epoch FROM now() - created_at)::int AS seconds FROM catalog.outbox
      WHERE created_at < now() - make_interval(secs => $1) ORDER BY id LIMIT 100`,
    [outboxMaxSeconds],
  )
  return check(
    "BookDb's outbox is carried off",
    rows.length,
    rows.map(({ id, seconds }) => `message ${id} has waited for ${seconds} s`),
  )
}

/** Held and sold copies per title, as stock has them. */
export async function stockByTitle(database: Database): Promise<Map<string, { held: number; sold: number }>> {
  const rows = await database.query<StockSums>(
    'SELECT isbn, copies, held, sold FROM catalog.stock WHERE held > 0 OR sold > 0',
    [],
  )
  return new Map(rows.map(({ isbn, held, sold }) => [isbn, { held, sold }]))
}

/**
 * Runs `read` while no transaction can move this title's stock and none that did is unfinished.
 * @throws DatabaseBusy when one stays unfinished for longer than the database's lock timeout
 */
export async function withTitleAtRest<T>(
  database: Database,
  isbn: string,
  read: (stock: { held: number; sold: number }) => Promise<T>,
): Promise<T> {
  return await database.transaction(async (tx) => {
    // Reading may take longer than a transaction is usually left alone.
    await tx.execute('SET LOCAL idle_in_transaction_session_timeout = 0')
    const [row] = await tx.query<{ held: number; sold: number }>(
      'SELECT held, sold FROM catalog.stock WHERE isbn = $1 FOR SHARE',
      [isbn],
    )
    return await read(row ?? { held: 0, sold: 0 })
  })
}
