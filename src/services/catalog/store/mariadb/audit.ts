import { every, systemClock } from '#ports/clock'
import type { Database } from '#ports/database'
import type { StockSums, StoreAudit, Taken } from '../store-audit.ts'

/** A transaction in which nothing happens for five seconds is ended by the server. */
const keepAliveMs = 1_000

/** What BookDb on MariaDB or MySQL can say of its own state. */
export function createStoreAudit(database: Database): StoreAudit {
  const titles = async () => {
    const [row] = await database.query<{ n: number }>('SELECT count(*) AS n FROM stock')
    return row?.n ?? 0
  }
  return {
    async oversold() {
      const found = await database.query<StockSums>(
        'SELECT isbn, copies, held, sold FROM stock WHERE held < 0 OR sold < 0 OR held + sold > copies',
      )
      return { titles: await titles(), found }
    },
    async unbalanced() {
      const rows = await database.query<StockSums & { c: number; h: number; s: number }>(unbalancedSql)
      const found = rows.map(({ c, h, s, ...stock }) => ({
        ...stock,
        ledger: { copies: c, held: h, sold: s },
      }))
      return { titles: await titles(), found }
    },
    newsWaiting: (longerThanMs) =>
      database.query<{ id: string; ageMs: number }>(
        `SELECT CAST(id AS char) AS id, TIMESTAMPDIFF(MICROSECOND, created_at, NOW(6)) / 1000 AS ageMs FROM outbox
          WHERE created_at < NOW(6) - INTERVAL ? MICROSECOND ORDER BY outbox.id LIMIT 100`,
        [longerThanMs * 1000],
      ),
    async takenByTitle() {
      const rows = await database.query<Taken & { isbn: string }>(
        'SELECT isbn, held, sold FROM stock WHERE held > 0 OR sold > 0',
      )
      return new Map(rows.map(({ isbn, held, sold }) => [isbn, { held, sold }]))
    },
    withTitleAtRest: (isbn, read) =>
      database.transaction(async (tx) => {
        const [row] = await tx.query<Taken>(
          'SELECT held, sold FROM stock WHERE isbn = ? LOCK IN SHARE MODE',
          [isbn],
        )
        // Reading may take longer than a transaction is left alone.
        await using _ = every(systemClock, keepAliveMs, () => tx.query('SELECT 1'))
        return await read(row ?? { held: 0, sold: 0 })
      }),
  }
}

const unbalancedSql = `
  SELECT s.isbn, s.copies, s.held, s.sold, COALESCE(l.c, 0) AS c, COALESCE(l.h, 0) AS h, COALESCE(l.s, 0) AS s
    FROM stock s
    LEFT JOIN (SELECT isbn, SUM(copies_delta) AS c, SUM(held_delta) AS h, SUM(sold_delta) AS s
                 FROM ledger GROUP BY isbn) l ON l.isbn = s.isbn
   WHERE s.copies <> COALESCE(l.c, 0) OR s.held <> COALESCE(l.h, 0) OR s.sold <> COALESCE(l.s, 0)`
