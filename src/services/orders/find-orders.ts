import { createHash } from 'node:crypto'
import { uuid7TimeMs } from '#ports/clock'
import type { Reading } from '#ports/database'
import type { OrderStatus } from '#services/orders'
import { type OrderRow, orderColumns } from './order-row.ts'

/** What staff look for; an ISBN in its full form. */
export type OrderFilter = { status?: OrderStatus; email?: string; isbn?: string }

/** Orders counted at most: counting a million for a number nobody reads to its end costs seconds. */
export const countedMax = 10_000

/** Ids carry their time, and none is as early as the first or as late as the second. */
const beforeAll = '00000000-0000-0000-0000-000000000000'
const behindAll = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** An order may have got its id so long before the transaction that held its copies, by another process's clock. */
const idsApartMs = 5 * 60_000

/** One page of orders, the newest first, before the order with the id `after` when that is given. */
export async function findOrders(
  reading: Reading,
  filter: OrderFilter,
  after: string | null,
  limit: number,
): Promise<OrderRow[]> {
  const { sql, params } = ordersThat(filter, await oldestOf(reading, filter))
  return await reading.query<OrderRow>(
    sql(orderColumns, (id) => `AND ${id} < $5::uuid ORDER BY ${id} DESC LIMIT $6`),
    [...params, after ?? behindAll, limit],
  )
}

/** How many there are, or one more than `countedMax`. */
export async function countOrders(reading: Reading, filter: OrderFilter): Promise<number> {
  const { sql, params } = ordersThat(filter, await oldestOf(reading, filter))
  const [row] = await reading.query<{ total: number }>(
    `SELECT count(*)::int AS total FROM (${sql('id', () => 'LIMIT $5')}) counted`,
    [...params, countedMax + 1],
  )
  return row?.total ?? 0
}

/**
 * The least id that an order of that status can have. What is reserved has a hold, and holds end within minutes: whoever
 * looks for reserved orders reads no further back than the oldest of them, however many orders there are.
 */
async function oldestOf(reading: Reading, { status }: OrderFilter): Promise<string> {
  if (status !== 'reserved') return beforeAll
  const [row] = await reading.query<{ oldest: string | null }>(
    'SELECT transaction_id::text AS oldest FROM orders.holds ORDER BY transaction_id LIMIT 1',
  )
  if (row === undefined || row.oldest === null) return behindAll
  const fromMs = Math.max(0, uuid7TimeMs(row.oldest) - idsApartMs)
  const digits = fromMs.toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`
}

/** Builds a statement of some columns; `end` bounds it, and both of its halves, by an id. */
type OrdersSql = (columns: string, end: (id: string) => string) => string

/**
 * Those with an address or a title are found by the index, and those that it has not got yet one by one; all others by
 * their status, or as they come.
 */
function ordersThat(
  { status, email, isbn }: OrderFilter,
  oldest: string,
): { sql: OrdersSql; params: unknown[] } {
  const params = [
    email ?? null,
    isbn === undefined ? null : JSON.stringify([{ isbn }]),
    null as string | null,
    oldest,
  ]
  const conditions = [
    "($1::text IS NULL OR lower(o.details::json -> 'customer' ->> 'email') = lower($1))",
    "($2::jsonb IS NULL OR o.details::jsonb -> 'lines' @> $2)",
    'o.id > $4::uuid',
    // As a literal, so that the planner sees which index has it; it is one of a type's names.
    ...(status === undefined ? [] : [`o.status = '${checked(status)}'`]),
  ].join(' AND ')
  const key = email !== undefined ? keyOf('email', email.toLowerCase()) : isbn && keyOf('isbn', isbn)
  if (key === undefined)
    return {
      sql: (columns, end) =>
        `SELECT ${columns} FROM orders.all_orders o WHERE ${conditions} AND $3::uuid IS NULL ${end('o.id')}`,
      params,
    }
  params[2] = key
  return {
    sql: (columns, end) => `
      SELECT ${columns} FROM (
        (SELECT o.* FROM orders.all_listed l, ${each('l.order_id')}
          WHERE l.key = $3::uuid AND ${conditions} ${end('l.order_id')})
        UNION ALL
        (SELECT o.* FROM orders.unlisted u, unnest(u.order_ids) AS own (id), ${each('own.id')}
          WHERE ${conditions} ${end('o.id')})
      ) o WHERE true ${end('o.id')}`,
    params,
  }
}

/** One by one, whatever the planner thinks of how many there are: of some it knows nothing, and would read them all. */
const each = (id: string) => `LATERAL (SELECT * FROM orders.all_orders WHERE id = ${id} OFFSET 0) o`

function keyOf(kind: 'email' | 'isbn', value: string): string {
  return createHash('md5').update(`${kind} ${value}`).digest('hex')
}

function checked(status: string): string {
  if (!/^[a-z]+$/.test(status)) throw new Error(`not a status: ${status}`)
  return status
}
