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
  if (since === undefined) await stageAll(cut.orders, staging, pseudonyms)
  else await stageChanged(cut.orders, since, staging, pseudonyms)
}

/** Each table once, as it lies. */
async function stageAll(orders: Statements, staging: Staging, pseudonyms: Pseudonyms): Promise<void> {
  const walk = async <Row>(sql: string, stage: (row: Row) => void) => {
    for await (const rows of inPages<Row>(orders, sql)) {
      for (const row of rows) stage(row)
      await staging.relieve()
    }
  }
  await walk<OrderRow>(`SELECT ${orderColumns} FROM orders.all_orders`, (row) =>
    stageOrder(row, staging, pseudonyms),
  )
  await walk<VoucherRow>(`SELECT ${voucherColumns} FROM orders.all_vouchers`, (row) =>
    stageVoucher(row, staging, pseudonyms),
  )
  const own = { history: historyColumns, sagas: sagaColumns, saga_journal: journalColumns }
  for (const [table, columns] of Object.entries(own) as [keyof typeof own, string][])
    await walk<Line>(linesOf(`SELECT ${columns} FROM orders.all_${table}`), ({ line }) =>
      staging.addLine(table, line),
    )
}

type Line = { line: string }

/** The server writes its rows as JSON itself, and moments to the microsecond. */
const linesOf = (sql: string) => `SELECT row_to_json(own)::text AS line FROM (${sql}) AS own`

/** The next page is on its way while one is worked on. */
async function* inPages<Row>(orders: Statements, sql: string): AsyncGenerator<Row[]> {
  await orders.execute(`DECLARE pages NO SCROLL CURSOR FOR ${sql}`)
  const fetched = () => orders.query<Row>(`FETCH ${pageMax} FROM pages`)
  for (let next = fetched(); ; ) {
    const rows = await next
    if (rows.length < pageMax) {
      yield rows
      break
    }
    next = fetched()
    // It is waited for in the next turn, or the whole reading has failed before.
    next.catch(() => undefined)
    yield rows
  }
  await orders.execute('CLOSE pages')
}

async function stageChanged(
  orders: Statements,
  since: Cursors['orders'],
  staging: Staging,
  pseudonyms: Pseudonyms,
): Promise<void> {
  for await (const ids of changedOrders(orders, since)) {
    await stageOrders(orders, ids, staging, pseudonyms)
    await staging.relieve()
  }
  const params = [new Date(since.atMs - overlapMs), since.snapshot]
  const sagas = `SELECT ${sagaColumns} FROM orders.sagas s, n WHERE updated_at >= $1 AND ${isNew('s', '$2')}`
  for (const { line } of await orders.query<Line>(`${withNewest} ${linesOf(sagas)}`, params))
    staging.addLine('sagas', line)
  const journal = `SELECT ${journalColumns} FROM orders.saga_journal j, n WHERE at >= $1 AND ${isNew('j', '$2')}`
  for (const { line } of await orders.query<Line>(`${withNewest} ${linesOf(journal)}`, params))
    staging.addLine('saga_journal', line)
}

/**
 * New orders by their ids, which carry their time; changed ones by their history, and by their sagas, for what those undo
 * is noted nowhere else until the order itself ends. What was put away since the last load is as it was then: it has been
 * at rest for longer than a load may be old that is gone on from.
 */
async function* changedOrders(orders: Statements, since: Cursors['orders']): AsyncGenerator<string[]> {
  const fromMs = since.atMs - overlapMs
  const rows = await orders.query<{ id: string }>(
    `${withNewest}
     SELECT o.id FROM orders.orders o, n WHERE o.id >= $1 AND ${isNew('o', '$3')}
     UNION
     SELECT h.order_id FROM orders.history h, n WHERE h.at >= $2 AND ${isNew('h', '$3')}
     UNION
     SELECT s.order_id FROM orders.sagas s, n WHERE s.updated_at >= $2 AND ${isNew('s', '$3')}`,
    [uuid7(fromMs, new Uint8Array(10)), new Date(fromMs), since.snapshot],
  )
  for (let i = 0; i < rows.length; i += pageMax) yield rows.slice(i, i + pageMax).map(({ id }) => id)
}

const orderColumns = `id, status::text, version, details, expires_at::text AS "expiresAt", payment, payment_key AS "paymentKey",
  transaction_id AS "transactionId"`

type OrderRow = {
  id: string
  status: string
  version: number
  details: string
  expiresAt: string
  payment: { status: string } | null
  paymentKey: string | null
  transactionId: string
}
type Details = {
  customer?: { email?: string }
  lines: { isbn: string; title: string; quantity: number; unitPrice: { amount: number; currency: string } }[]
  total: { amount: number; currency: string }
  channel?: string
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
      `SELECT ${orderColumns} FROM orders.orders WHERE id = ANY($1::uuid[])`,
      some,
    )
    for (const row of rows) stageOrder(row, staging, pseudonyms)
    const history = `SELECT ${historyColumns} FROM orders.history WHERE order_id = ANY($1::uuid[])`
    for (const { line } of await orders.query<Line>(linesOf(history), some)) staging.addLine('history', line)
    const vouchers = await orders.query<VoucherRow>(
      `SELECT ${voucherColumns} FROM orders.vouchers WHERE order_id = ANY($1::uuid[])`,
      some,
    )
    for (const row of vouchers) stageVoucher(row, staging, pseudonyms)
  }
}

function stageOrder(row: OrderRow, staging: Staging, pseudonyms: Pseudonyms): void {
  const { customer, lines, total, channel = 'api' } = JSON.parse(row.details) as Details
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
    channel,
    transaction_id: row.transactionId,
  })
  for (const [i, { isbn, title, quantity, unitPrice }] of lines.entries())
    staging.add('lines', {
      ...{ order_id: row.id, line: i + 1, placed_at, order_status: row.status, isbn, title, quantity },
      ...{ unit_price: unitPrice?.amount ?? 0, currency: unitPrice?.currency ?? null },
    })
}

const historyColumns = `order_id, version, status, payment ->> 'status' AS payment, at AS changed_at`
const voucherColumns = `code, redeemed_by, order_id, number, isbn, status, created_at::text, stored_at::text,
  redeemed_at::text, revoked_at::text`
const sagaColumns = 'id, order_id, definition, state, step, attempt, created_at, updated_at'
const journalColumns = 'id, saga_id, step, event, at AS noted_at'

type VoucherRow = { code: string; redeemed_by: string | null }

function stageVoucher(
  { code, redeemed_by: by, ...row }: VoucherRow,
  staging: Staging,
  pseudonyms: Pseudonyms,
): void {
  staging.add('vouchers', {
    ...row,
    voucher: pseudonyms.of('voucher', code),
    redeemed_by: by === null ? null : pseudonyms.of('staff', by),
  })
}
