import type { Database } from '#ports/database'

/** What differs between the dialects of BookDb in what a load asks. */
export type Dialect = {
  table(name: string): string
  quoted(column: string): string
  /** The n-th parameter, from 1. */
  parameter(n: number): string
  /** A statement with its parameters in the order in which it is to be sent. */
  inOrder(sql: string, params: readonly unknown[]): [string, unknown[]]
  /** Whether a column has one of the values of a parameter. */
  among(column: string, n: number): string
  /** Movements of stock: id, transaction, and all of each as JSON, as the server writes it. */
  movements: string
  /** What is said of now once more under a name, and what is said already. */
  mark: string
}

export const dialectOf = ({ dialect }: Pick<Database, 'dialect'>): Dialect =>
  dialect.name === 'postgres' ? postgres : mariadb

const postgres: Dialect = {
  table: (name) => `catalog.${name}`,
  quoted: (column) => column,
  parameter: (n) => `$${n}`,
  inOrder: (sql, params) => [sql, [...params]],
  among: (column, n) => `${column} = ANY($${n})`,
  movements: `SELECT id, transaction_id, row_to_json(l)::text AS line FROM (
    SELECT id, transaction_id, isbn, movement, copies_delta, held_delta, sold_delta, reason, at AS moved_at FROM catalog.ledger) l`,
  mark: `INSERT INTO catalog.marks (name, at) VALUES ($1, now())
         ON CONFLICT (name) DO UPDATE SET at = greatest(excluded.at, catalog.marks.at + interval '1 millisecond')`,
}

/** Its parameters have no numbers: they are written `?1` here, and sent in the order of the text. */
const mariadb: Dialect = {
  table: (name) => name,
  quoted: (column) => `\`${column}\``,
  parameter: (n) => `?${n}`,
  inOrder(sql, params) {
    const order = [...sql.matchAll(/\?(\d+)/g)].map(([, n]) => params[Number(n) - 1])
    return [sql.replaceAll(/\?\d+/g, '?'), order]
  },
  among: (column, n) => `${column} IN (?${n})`,
  movements: `SELECT id, transaction_id, CONCAT(JSON_OBJECT('id', id, 'transaction_id', transaction_id, 'isbn', isbn,
    'movement', movement, 'copies_delta', copies_delta, 'held_delta', held_delta, 'sold_delta', sold_delta,
    'reason', reason, 'moved_at', at)) AS line FROM ledger`,
  mark: `INSERT INTO marks (name, at) VALUES (?1, CURRENT_TIMESTAMP(3))
         ON DUPLICATE KEY UPDATE at = GREATEST(VALUES(at), at + INTERVAL 1000 MICROSECOND)`,
}
