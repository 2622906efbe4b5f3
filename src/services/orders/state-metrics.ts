import { type Clock, every } from '#ports/clock'
import type { Database } from '#ports/database'
import { type Gauge, roleMeter } from '#ports/telemetry'
import { definitions } from './saga/definitions.ts'

const lookEveryMs = 10_000
/** Rows that a look reads of each kind: how many more there are is not worth the time. */
const rowsMax = 10_000

/** What OrderDb says of the state of orders, looked up now and then so that nobody who asks for numbers keeps it busy. */
export function watchState(database: Database, clock: Clock): AsyncDisposable {
  const gauges = createGauges()
  return every(clock, lookEveryMs, () => look(database, gauges), { atOnce: true })
}

type Gauges = Record<
  | 'up'
  | 'recent'
  | 'holds'
  | 'holdsOverdue'
  | 'sagas'
  | 'sagaAge'
  | 'outbox'
  | 'outboxAge'
  | 'unmatched'
  | 'vouchersMissing'
  | 'vouchersWait',
  Gauge
>

function createGauges(): Gauges {
  const meter = roleMeter('orders')
  const saga = ['definition', 'step', 'state']
  return {
    up: meter.gauge('octavo_database_up', 'Whether the last look at the database was answered.', [
      'database',
    ]),
    recent: meter.gauge('octavo_recent_orders', 'The last ten thousand orders, by status.', ['status']),
    holds: meter.gauge('octavo_holds', 'Groups of holds that are not settled.'),
    holdsOverdue: meter.gauge('octavo_hold_overdue_seconds', 'How long the oldest hold is past its end.'),
    sagas: meter.gauge('octavo_sagas', 'Sagas at work, by the step they are at.', saga),
    sagaAge: meter.gauge('octavo_saga_oldest_seconds', 'How long the oldest has been at its step.', saga),
    outbox: meter.gauge('octavo_outbox_messages', 'Messages that wait to be carried to the broker.', [
      'database',
    ]),
    outboxAge: meter.gauge('octavo_outbox_oldest_seconds', 'How long the oldest has waited.', ['database']),
    unmatched: meter.gauge(
      'octavo_unmatched_captures',
      'Orders that ended unpaid though money was captured.',
    ),
    vouchersMissing: meter.gauge(
      'octavo_vouchers_without_object',
      'Valid vouchers of confirmed orders without a PDF.',
    ),
    vouchersWait: meter.gauge(
      'octavo_voucher_oldest_wait_seconds',
      'How long the oldest voucher waits for its PDF.',
    ),
  }
}

async function look(database: Database, gauges: Gauges): Promise<void> {
  try {
    await lookAt(database, gauges)
    gauges.up.set(1, 'orders')
  } catch (error) {
    // Nothing is known now, and old figures would say that all is well.
    for (const gauge of Object.values(gauges)) gauge.clear()
    gauges.up.set(0, 'orders')
    throw error
  }
}

async function lookAt(database: Database, gauges: Gauges): Promise<void> {
  const sagas = await database.query<{
    definition: string
    step: number
    state: string
    n: number
    age: number
  }>(
    `SELECT definition, step, state, count(*)::int AS n,
            extract(epoch FROM now() - min(updated_at))::float8 AS age
       FROM (SELECT * FROM orders.sagas WHERE state IN ('running', 'compensating') LIMIT ${rowsMax}) s
      GROUP BY definition, step, state`,
    [],
  )
  gauges.sagas.clear()
  gauges.sagaAge.clear()
  for (const { definition, step, state, n, age } of sagas) {
    const name = definitions.get(definition)?.steps[step]?.name ?? String(step)
    gauges.sagas.set(n, definition, name, state)
    gauges.sagaAge.set(age, definition, name, state)
  }
  const recent = await database.query<{ status: string; n: number }>(recentSql, [])
  gauges.recent.clear()
  for (const { status, n } of recent) gauges.recent.set(n, status)
  const [row] = await database.query<State>(stateSql, [])
  if (row === undefined) return
  gauges.holds.set(row.holds)
  gauges.holdsOverdue.set(row.overdue)
  gauges.outbox.set(row.messages, 'orders')
  gauges.outboxAge.set(row.messageAge, 'orders')
  gauges.unmatched.set(row.unmatched)
  gauges.vouchersMissing.set(row.missing)
  gauges.vouchersWait.set(row.wait)
}

type State = Record<
  'holds' | 'overdue' | 'messages' | 'messageAge' | 'unmatched' | 'missing' | 'wait',
  number
>

const recentSql = `SELECT status, count(*)::int AS n
  FROM (SELECT status FROM orders.orders ORDER BY id DESC LIMIT ${rowsMax}) o GROUP BY status`

const stateSql = `SELECT
  (SELECT count(*)::int FROM (SELECT FROM orders.holds LIMIT ${rowsMax}) h) AS holds,
  greatest(0, coalesce((SELECT extract(epoch FROM now() - min(o.expires_at))::float8
     FROM (SELECT order_ids FROM orders.holds ORDER BY due_at LIMIT 20) h
     JOIN orders.orders o ON o.id = ANY(h.order_ids)
    WHERE o.status = 'reserved' AND o.saga_id IS NULL), 0)) AS overdue,
  (SELECT count(*)::int FROM (SELECT FROM orders.outbox LIMIT ${rowsMax}) m) AS messages,
  coalesce((SELECT extract(epoch FROM now() - created_at)::float8 FROM orders.outbox ORDER BY id LIMIT 1), 0) AS "messageAge",
  (SELECT count(*)::int FROM orders.orders
    WHERE id IN (SELECT id FROM orders.orders ORDER BY id DESC LIMIT ${rowsMax})
      AND payment_key IS NOT NULL AND saga_id IS NULL AND status IN ('reserved', 'expired', 'failed', 'cancelled')) AS unmatched,
  v.missing, v.wait
  FROM (SELECT count(*) FILTER (WHERE o.status IN ('confirmed', 'redeemed'))::int AS missing,
               greatest(0, coalesce(extract(epoch FROM now() - min(v.created_at)), 0))::float8 AS wait
          FROM (SELECT * FROM orders.vouchers WHERE stored_at IS NULL AND status = 'valid' LIMIT ${rowsMax}) v
          JOIN orders.orders o ON o.id = v.order_id) v`
