import type { Database } from '#ports/database'
import type { Audited, Copies, StockSums, StoreAudit, Taken } from '../store-audit.ts'

/** What BookDb on PostgreSQL can say of its own state. */
export function createStoreAudit(database: Database): StoreAudit {
  return {
    oversold: () =>
      audited<StockSums>(
        database,
        `SELECT isbn, copies, held, sold FROM catalog.stock WHERE held < 0 OR sold < 0 OR held + sold > copies`,
      ),
    async unbalanced() {
      const { titles, found } = await audited<StockSums & { noted: Copies }>(database, unbalancedSql)
      return { titles, found: found.map(({ noted, ...stock }) => ({ ...stock, ledger: noted })) }
    },
    newsWaiting: (longerThanMs) =>
      database.query<{ id: string; ageMs: number }>(
        `SELECT id::text, (extract(epoch FROM now() - created_at) * 1000)::float8 AS "ageMs" FROM catalog.outbox
          WHERE created_at < now() - $1 * interval '1 millisecond' ORDER BY catalog.outbox.id LIMIT 100`,
        [longerThanMs],
      ),
    async takenByTitle() {
      const rows = await database.query<StockSums>(
        'SELECT isbn, copies, held, sold FROM catalog.stock WHERE held > 0 OR sold > 0',
        [],
      )
      return new Map(rows.map(({ isbn, held, sold }) => [isbn, { held, sold }]))
    },
    withTitleAtRest: (isbn, read) =>
      database.transaction(async (tx) => {
        // Reading may take longer than a transaction is usually left alone.
        await tx.execute('SET LOCAL idle_in_transaction_session_timeout = 0')
        const [row] = await tx.query<Taken>(
          'SELECT held, sold FROM catalog.stock WHERE isbn = $1 FOR SHARE',
          [isbn],
        )
        return await read(row ?? { held: 0, sold: 0 })
      }),
  }
}

async function audited<Found>(database: Database, sql: string): Promise<Audited<Found>> {
  const [row] = await database.query<Audited<Found>>(
    `SELECT (SELECT count(*) FROM catalog.stock) AS titles,
            (SELECT coalesce(jsonb_agg(wrong), '[]') FROM (${sql}) AS wrong) AS found`,
    [],
  )
  return row ?? { titles: 0, found: [] }
}

const unbalancedSql = `
  SELECT isbn, s.copies, s.held, s.sold,
         jsonb_build_object('copies', coalesce(l.copies, 0), 'held', coalesce(l.held, 0),
                            'sold', coalesce(l.sold, 0)) AS noted
    FROM catalog.stock s
    LEFT JOIN (SELECT isbn, sum(copies_delta) AS copies, sum(held_delta) AS held, sum(sold_delta) AS sold
                 FROM catalog.ledger GROUP BY isbn) l USING (isbn)
   WHERE (s.copies, s.held, s.sold) IS DISTINCT FROM
         (coalesce(l.copies, 0), coalesce(l.held, 0), coalesce(l.sold, 0))`
