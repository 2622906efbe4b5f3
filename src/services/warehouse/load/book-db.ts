import type { Database, Statements } from '#ports/database'

/**
 * BookDb as a load asks it: SQL whose parameters are written `?1`, `?2`, in whatever order, and what the dialects say
 * differently.
 */
export type BookDb = Pick<Statements, 'query' | 'execute'> & Spelled

type Spelled = {
  table(name: string): string
  /** Whether a column has one of the values of a parameter. */
  among(column: string, parameter: string): string
  /** Movements of stock: id, transaction, and all of each as JSON, as the server writes it. */
  movements: string
  /** What is said of now once more under a name, and what is said already. */
  mark: string
  /** A sum over searches without a hit that is another one when a search or its number is. */
  missSum: string
}

type Dialect = Spelled & { sent(sql: string, params: readonly unknown[]): [string, readonly unknown[]] }

/** @param statements of the database itself, or of a transaction of it */
export function bookDbOf({ dialect }: Pick<Database, 'dialect'>, statements: Statements): BookDb {
  const { sent, ...spelled } = dialect.name === 'postgres' ? postgres : mariadb
  return {
    ...spelled,
    query: (sql, params = []) => statements.query(...sent(sql, params)),
    execute: (sql, params = []) => statements.execute(...sent(sql, params)),
  }
}

const postgres: Dialect = {
  table: (name) => `catalog.${name}`,
  among: (column, parameter) => `${column} = ANY(${parameter})`,
  movements: `SELECT id, transaction_id, row_to_json(l)::text AS line FROM (
    SELECT id, transaction_id, isbn, movement, copies_delta, held_delta, sold_delta, reason, at AS moved_at FROM catalog.ledger) l`,
  mark: `INSERT INTO catalog.marks (name, at) VALUES (?1, now())
         ON CONFLICT (name) DO UPDATE SET at = greatest(excluded.at, catalog.marks.at + interval '1 millisecond')`,
  missSum: `sum(hashtextextended(words || ' ' || times, 0))::text`,
  sent: (sql, params) => [sql.replaceAll(/\?(\d+)/g, '$$$1'), params],
}

const mariadb: Dialect = {
  table: (name) => name,
  among: (column, parameter) => `${column} IN (${parameter})`,
  movements: `SELECT id, transaction_id, CONCAT(JSON_OBJECT('id', id, 'transaction_id', transaction_id, 'isbn', isbn,
    'movement', movement, 'copies_delta', copies_delta, 'held_delta', held_delta, 'sold_delta', sold_delta,
    'reason', reason, 'moved_at', at)) AS line FROM ledger`,
  mark: `INSERT INTO marks (name, at) VALUES (?1, CURRENT_TIMESTAMP(3))
         ON DUPLICATE KEY UPDATE at = GREATEST(VALUES(at), at + INTERVAL 1000 MICROSECOND)`,
  missSum: `CAST(SUM(CONV(LEFT(MD5(CONCAT(words, ' ', times)), 15), 16, 10)) AS CHAR)`,
  // Its parameters have no numbers, and are sent in the order of the text.
  sent: (sql, params) => [
    sql.replaceAll(/\?\d+/g, '?'),
    [...sql.matchAll(/\?(\d+)/g)].map(([, n]) => params[Number(n) - 1]),
  ],
}
