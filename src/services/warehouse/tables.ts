import { createHash } from 'node:crypto'

/**
 * The tables of the warehouse, as any engine sees them in Parquet. Times are UTC. Customers and staff are pseudonyms, and
 * no name, address, token or voucher code is kept. `part` is the folder a row's file lies in, in Hive's form.
 */
export type Table = {
  /** Columns with their types in DuckDB's words. */
  columns: Readonly<Record<string, string>>
  /** What is replaced together when it changes: all rows of one owner. */
  owner: string
  /** In which order rows lie in a file. */
  order: string
  /** SQL of a row's part, `name=value`. */
  part: string
  /** The same of rows that the source has no more, of which only the `owner` is known; where there are any. */
  partOfGone?: string
}

/** A row's week is that of its order, which the order's id says (UUID version 7). */
const weekOf = (id: string) =>
  `'week=' || strftime(date_trunc('week', epoch_ms(('0x' || substr(${id}, 1, 8) || substr(${id}, 10, 4))::BIGINT)), '%Y-%m-%d')`

/** Of a table that only grows the last part is written anew by each load: small ones make that cheap. */
const rangeRows = 100_000
const rangeOf = (id: string) => `'from=' || lpad(((${id} // ${rangeRows}) * ${rangeRows})::VARCHAR, 12, '0')`
/** Of stock each load writes all that hold a title that moved, which is most of them: few are cheaper then. */
const [bookBuckets, stockBuckets] = [16, 4]
const bucketOf = (isbn: string, buckets = bookBuckets) =>
  `'bucket=' || lpad((substr(${isbn}, 8, 5)::INT % ${buckets})::VARCHAR, 2, '0')`

const bookColumns = {
  isbn: 'VARCHAR',
  version: 'BIGINT',
  title: 'VARCHAR',
  subtitle: 'VARCHAR',
  contributors: 'VARCHAR',
  publisher: 'VARCHAR',
  published_on: 'VARCHAR',
  language: 'VARCHAR',
  format: 'VARCHAR',
  subjects: 'VARCHAR[]',
  price_amount: 'BIGINT',
  price_currency: 'VARCHAR',
  limited: 'BOOLEAN',
  per_customer: 'INTEGER',
  sales_open_at: 'TIMESTAMP',
  created_at: 'TIMESTAMP',
  updated_at: 'TIMESTAMP',
}

export const tables = {
  orders: {
    columns: {
      id: 'VARCHAR',
      placed_at: 'TIMESTAMP',
      status: 'VARCHAR',
      version: 'INTEGER',
      customer: 'VARCHAR',
      total: 'BIGINT',
      currency: 'VARCHAR',
      copies: 'INTEGER',
      expires_at: 'TIMESTAMP',
      payment: 'VARCHAR',
      payment_key: 'VARCHAR',
      channel: 'VARCHAR',
      transaction_id: 'VARCHAR',
    },
    owner: 'id',
    order: 'id',
    part: weekOf('id'),
  },
  lines: {
    columns: {
      order_id: 'VARCHAR',
      line: 'INTEGER',
      placed_at: 'TIMESTAMP',
      order_status: 'VARCHAR',
      isbn: 'VARCHAR',
      title: 'VARCHAR',
      quantity: 'INTEGER',
      unit_price: 'BIGINT',
      currency: 'VARCHAR',
    },
    owner: 'order_id',
    order: 'order_id, line',
    part: weekOf('order_id'),
  },
  history: {
    columns: {
      order_id: 'VARCHAR',
      version: 'INTEGER',
      status: 'VARCHAR',
      payment: 'VARCHAR',
      changed_at: 'TIMESTAMP',
    },
    owner: 'order_id',
    order: 'order_id, version',
    part: weekOf('order_id'),
  },
  vouchers: {
    columns: {
      voucher: 'VARCHAR',
      order_id: 'VARCHAR',
      number: 'INTEGER',
      isbn: 'VARCHAR',
      status: 'VARCHAR',
      created_at: 'TIMESTAMP',
      stored_at: 'TIMESTAMP',
      redeemed_at: 'TIMESTAMP',
      redeemed_by: 'VARCHAR',
      revoked_at: 'TIMESTAMP',
    },
    owner: 'order_id',
    order: 'order_id, number',
    part: weekOf('order_id'),
  },
  sagas: {
    columns: {
      id: 'VARCHAR',
      order_id: 'VARCHAR',
      definition: 'VARCHAR',
      state: 'VARCHAR',
      step: 'INTEGER',
      attempt: 'INTEGER',
      created_at: 'TIMESTAMP',
      updated_at: 'TIMESTAMP',
    },
    owner: 'id',
    order: 'id',
    part: weekOf('id'),
  },
  saga_journal: {
    columns: {
      id: 'BIGINT',
      saga_id: 'VARCHAR',
      step: 'VARCHAR',
      event: 'VARCHAR',
      noted_at: 'TIMESTAMP',
    },
    owner: 'id',
    order: 'id',
    part: rangeOf('id'),
  },
  books: {
    columns: bookColumns,
    ...{ owner: 'isbn', order: 'isbn', part: bucketOf('isbn'), partOfGone: bucketOf('owner') },
  },
  /** Every version of a book that a load has seen. */
  book_history: {
    columns: { key: 'VARCHAR', ...bookColumns },
    owner: 'key',
    order: 'isbn, version',
    part: bucketOf('isbn'),
  },
  stock: {
    columns: {
      isbn: 'VARCHAR',
      copies: 'INTEGER',
      held: 'INTEGER',
      sold: 'INTEGER',
      updated_at: 'TIMESTAMP',
    },
    ...{ owner: 'isbn', order: 'isbn', part: bucketOf('isbn', stockBuckets) },
    partOfGone: bucketOf('owner', stockBuckets),
  },
  ledger: {
    columns: {
      id: 'BIGINT',
      transaction_id: 'VARCHAR',
      isbn: 'VARCHAR',
      movement: 'VARCHAR',
      copies_delta: 'INTEGER',
      held_delta: 'INTEGER',
      sold_delta: 'INTEGER',
      reason: 'VARCHAR',
      moved_at: 'TIMESTAMP',
    },
    owner: 'id',
    order: 'id',
    part: rangeOf('id'),
  },
  /** What readers looked for and did not find. */
  searches: {
    columns: { key: 'VARCHAR', day: 'DATE', words: 'VARCHAR', times: 'INTEGER' },
    owner: 'day',
    order: 'day, words',
    part: `'month=' || substr(key, 1, 7)`,
    partOfGone: `'month=' || substr(owner, 1, 7)`,
  },
  imports: {
    columns: {
      id: 'VARCHAR',
      status: 'VARCHAR',
      read: 'INTEGER',
      created: 'INTEGER',
      updated: 'INTEGER',
      unchanged: 'INTEGER',
      rejected: 'INTEGER',
      file: 'VARCHAR',
      dry_run: 'BOOLEAN',
      started_at: 'TIMESTAMP',
      finished_at: 'TIMESTAMP',
    },
    owner: 'id',
    order: 'id',
    part: `'all=1'`,
  },
} as const satisfies Record<string, Table>

/** Says which columns and parts the tables have: of another program they may be others. */
export const shape = createHash('sha256')
  .update(JSON.stringify(Object.entries(tables).map(([name, { columns, part }]) => [name, columns, part])))
  .digest('hex')
  .slice(0, 12)

export type TableName = keyof typeof tables
export const tableNames = Object.keys(tables) as TableName[]
export const tableOf = (name: TableName): Table => tables[name]

/** A row as it is staged: JSON values by column; times are ISO 8601. */
export type StagedRow = Readonly<Record<string, unknown>>
