import { uuid7, uuid7TimeMs } from '#ports/clock'
import type { Statements } from '#ports/database'
import { customerKey } from '#services/orders'
import type { Cursors } from '../store/manifest.ts'
import type { Cut } from './cut.ts'
import type { Pseudonyms } from './pseudonym.ts'
import type { Staging } from './staging.ts'

const pageMax = 5_000
const idsAtOnce = 2_000
/** What was written so long before the last cut and was not visible in it is of a transaction that could not last. */
const overlapMs = 40 * 60_000

/**
 * Whether a row was written after the last cut: exact however transactions overlapped. A row has the low half of its
 * transaction's number, which lies less than half a round before the newest.
 * Source: PostgreSQL manual, "Transaction ID and Snapshot Information Functions".
 */
const isNew = (row: string, snapshot: string) =>
  `NOT pg_visible_in_snapshot(((newest - ((newest - ${row}.xmin::text::bigint) & 4294967295))::text)::xid8, ${snapshot}::pg_snapshot)`
const withNewest = `WITH n AS MATERIALIZED (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS newest)`

/** Reads from OrderDb what has changed since the last cut, or all there is. */
export async function readOrders(
  cut: Cut,
  since: Cursors['orders'] | undefined,
  staging: Staging,
  pseudonyms: Pseudonyms,
): Promise<void> {
  for await (const ids of since === undefined ? allOrders(cut.orders) : changedOrders(cut.orders, since)) {
    await stageOrders(cut.orders, ids, staging, pseudonyms)
    await staging.relieve()
  }
  await readSagas(cut.orders, since, staging)
}

async function* allOrders(orders: Statements): AsyncGenerator<string[]> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await orders.query<{ id: string }>(
      'SELECT id FROM orders.orders WHERE id > $1 ORDER BY id LIMIT $2',
      [after, pageMax],
    )
    if (rows.length === 0) return
    yield rows.map(({ id }) => id)
    after = rows.at(-1)?.id ?? after
  }
}

/** New orders by their ids, which carry their time; changed ones by their history. */
async function* changedOrders(orders: Statements, since: Cursors['orders']): AsyncGenerator<string[]> {
  const fromMs = since.atMs - overlapMs
  const rows = await orders.query<{ id: string }>(
    `${withNewest}
     SELECT o.id FROM orders.orders o, n WHERE o.id >= $1 AND ${isNew('o', '$3')}
     UNION
     SELECT h.order_id FROM orders.history h, n WHERE h.at >= $2 AND ${isNew('h', '$3')}`,
    [uuid7(fromMs, new Uint8Array(10)), new Date(fromMs), since.snapshot],
  )
  for (let i = 0; i < rows.length; i += pageMax) yield rows.slice(i, i + pageMax).map(({ id }) => id)
}

type OrderRow = {
  id: string
  status: string
  version: number
  details: string
  expiresAt: Date
  payment: { status: string } | null
  paymentKey: string | null
  transactionId: string
}
type Details = {
  customer?: { email?: string }
  lines: { isbn: string; title: string; quantity: number; unitPrice: { amount: number; currency: string } }[]
  total: { amount: number; currency: string }
}

async function stageOrders(
  orders: Statements,
  ids: readonly string[],
  staging: Staging,
  pseudonyms: Pseudonyms,
): Promise<void> {
  for (let i = 0; i < ids.length; i += idsAtOnce) {
    const some = [ids.slice(i, i + idsAtOnce)]
    const rows = await orders.query<OrderRow>(
      `SELECT id, status::text, version, details, expires_at AS "expiresAt", payment, payment_key AS "paymentKey",
              transaction_id AS "transactionId" FROM orders.orders WHERE id = ANY($1::uuid[])`,
      some,
    )
    for (const row of rows) stageOrder(row, staging, pseudonyms)
    await stageHistory(orders, some, staging)
    await stageVouchers(orders, some, staging, pseudonyms)
  }
}

function stageOrder(row: OrderRow, staging: Staging, pseudonyms: Pseudonyms): void {
  const { customer, lines, total } = JSON.parse(row.details) as Details
  const placed_at = new Date(uuid7TimeMs(row.id)).toISOString()
  const email = customer?.email
  staging.add('orders', {
    ...{ id: row.id, placed_at, status: row.status, version: row.version },
    customer: email === undefined ? null : pseudonyms.of('customer', customerKey(email)),
    ...{ total: total.amount, currency: total.currency ?? null },
    copies: lines.reduce((sum, line) => sum + line.quantity, 0),
    expires_at: row.expiresAt,
    payment: row.payment?.status ?? null,
    payment_key: row.paymentKey,
    transaction_id: row.transactionId,
  })
  for (const [i, { isbn, title, quantity, unitPrice }] of lines.entries())
    staging.add('lines', {
      ...{ order_id: row.id, line: i + 1, placed_at, order_status: row.status, isbn, title, quantity },
      ...{ unit_price: unitPrice?.amount ?? 0, currency: unitPrice?.currency ?? null },
    })
}

async function stageHistory(orders: Statements, ids: unknown[], staging: Staging): Promise<void> {
  const rows = await orders.query<Record<string, unknown>>(
    `SELECT order_id, version, status, payment ->> 'status' AS payment, at AS changed_at FROM orders.history
      WHERE order_id = ANY($1::uuid[])`,
    ids,
  )
  for (const row of rows) staging.add('history', row)
}

async function stageVouchers(
  orders: Statements,
  ids: unknown[],
  staging: Staging,
  pseudonyms: Pseudonyms,
): Promise<void> {
  const rows = await orders.query<{ code: string; redeemed_by: string | null }>(
    `SELECT code, order_id, number, isbn, status, created_at, stored_at, redeemed_at, redeemed_by, revoked_at
       FROM orders.vouchers WHERE order_id = ANY($1::uuid[])`,
    ids,
  )
  for (const { code, redeemed_by: by, ...row } of rows)
    staging.add('vouchers', {
      ...row,
      voucher: pseudonyms.of('voucher', code),
      redeemed_by: by === null ? null : pseudonyms.of('staff', by),
    })
}

const sagaColumns = 's.id, s.order_id, s.definition, s.state, s.step, s.attempt, s.created_at, s.updated_at'
const journalColumns = 'j.id, j.saga_id, j.step, j.event, j.at AS noted_at'

async function readSagas(
  orders: Statements,
  since: Cursors['orders'] | undefined,
  staging: Staging,
): Promise<void> {
  if (since !== undefined) {
    const params = [new Date(since.atMs - overlapMs), since.snapshot]
    const sagas = await orders.query<Record<string, unknown>>(
      `${withNewest} SELECT ${sagaColumns} FROM orders.sagas s, n WHERE s.updated_at >= $1 AND ${isNew('s', '$2')}`,
      params,
    )
    for (const row of sagas) staging.add('sagas', row)
    const journal = await orders.query<Record<string, unknown>>(
      `${withNewest} SELECT ${journalColumns} FROM orders.saga_journal j, n WHERE j.at >= $1 AND ${isNew('j', '$2')}`,
      params,
    )
    for (const row of journal) staging.add('saga_journal', row)
    return
  }
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const sql = `SELECT ${sagaColumns} FROM orders.sagas s WHERE s.id > $1 ORDER BY s.id LIMIT $2`
    const rows = await orders.query<{ id: string }>(sql, [after, pageMax])
    if (rows.length === 0) break
    for (const row of rows) staging.add('sagas', row)
    await staging.relieve()
    after = rows.at(-1)?.id ?? after
  }
  for (let after = 0; ; ) {
    const sql = `SELECT ${journalColumns} FROM orders.saga_journal j WHERE j.id > $1 ORDER BY j.id LIMIT $2`
    const rows = await orders.query<{ id: number }>(sql, [after, pageMax])
    if (rows.length === 0) break
    for (const row of rows) staging.add('saga_journal', row)
    await staging.relieve()
    after = rows.at(-1)?.id ?? after
  }
}
