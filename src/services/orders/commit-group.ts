import { faultPoint } from '#kernel/fault-point'
import { type Clock, systemClock } from '#ports/clock'
import { ConstraintViolation, type Database, type Statements } from '#ports/database'
import { textArray, uuidArray } from '#ports/postgres'
import { type GroupOutcome, type OrderColumns, type PackedGroup, portionMax } from '#services/orders'
import { decisionKey, isTooOld, resolve } from './decisions.ts'
import { SettlementRefused, settleOrders } from './settle-orders.ts'

/**
 * The last agent of two-phase commit: one local transaction carries the decision row and every order of the group.
 * When it is durable the group is committed, whatever happens next; if it fails nothing of the group exists.
 */
export async function commitGroup(
  database: Database,
  id: string,
  group: PackedGroup,
  clock: Clock = systemClock,
): Promise<GroupOutcome> {
  if (isTooOld(id, clock.now())) return { kind: 'fenced' }
  await faultPoint('orders:before-decision')
  try {
    await writeGroup(database, id, group, clock)
    await faultPoint('orders:after-decision')
    return { kind: 'committed' }
  } catch (error) {
    if (!(error instanceof SettlementRefused || error instanceof ConstraintViolation)) throw error
    // The same request may have come before, or come again: what is answered now has to stay so.
    if ((await resolve(database, id)) === 'committed') return { kind: 'committed' }
    return refusalOf(error)
  }
}

/** @throws the error itself when it is no answer to the group's members */
function refusalOf(error: SettlementRefused | ConstraintViolation): GroupOutcome {
  if (error instanceof SettlementRefused) return { kind: 'refused', orders: error.orders }
  if (error.constraint === decisionKey) return { kind: 'fenced' }
  const isKnown = error.constraint === 'one_order_per_key' || error.constraint === 'customer_limit'
  if (!isKnown) throw error
  return { kind: 'conflict' }
}

async function writeGroup(database: Database, id: string, group: PackedGroup, clock: Clock): Promise<void> {
  const { settled, free, held } = group
  // One statement is a transaction of its own.
  if (settled.length === 0 && free.count + held.count <= portionMax) {
    await Promise.all(insertGroup(database, id, group))
    return
  }
  await database.transaction(async (tx) => {
    if (settled.length > 0) await settleOrders(tx, settled, clock)
    // Not waited for: all travel with the commit.
    insertGroup(tx, id, group)
  })
}

function insertGroup(statements: Statements, id: string, group: PackedGroup): Promise<number>[] {
  const sent: Promise<number>[] = []
  for (const portion of group.portions)
    sent.push(
      sent.length === 0
        ? insertDecision(statements, id, group, portion)
        : insertOrders(statements, id, group.expiresAt, portion),
    )
  return sent
}

/** Decision, holds, limits, what is to be listed and the sagas of free orders, in one statement with the first portion of the orders. */
function insertDecision(
  statements: Statements,
  id: string,
  { participants, expiresAt, limits, free, held }: PackedGroup,
  first: OrderColumns,
): Promise<number> {
  return statements.execute(
    `WITH decision AS (
       INSERT INTO orders.decisions (transaction_id, outcome, participants) VALUES ($1, 'committed', $9)
     ), held AS (
       INSERT INTO orders.holds (transaction_id, order_ids, due_at) SELECT $1, $10, $2
        WHERE cardinality($10::uuid[]) > 0
     ), unlisted AS (
       INSERT INTO orders.unlisted (transaction_id, order_ids) SELECT $1, $10::uuid[] || $11::uuid[]
        WHERE cardinality($10::uuid[] || $11::uuid[]) > 0
     ), begun AS (
       INSERT INTO orders.sagas (id, order_id, definition)
       SELECT id, id, 'free-order' FROM unnest($11::uuid[]) AS id
     ), limited AS (
       INSERT INTO orders.customer_titles AS c (isbn, customer, quantity, per_customer)
       SELECT * FROM unnest($12::text[], $13::text[], $14::int[], $15::int[])
       ON CONFLICT (isbn, customer) DO UPDATE
         SET quantity = c.quantity + excluded.quantity, per_customer = excluded.per_customer
     )
     ${insertColumns}`,
    [
      ...columnsOf(id, expiresAt, first),
      participants,
      uuidArray(held),
      uuidArray(free),
      limits.map((limit) => limit.isbn),
      limits.map((limit) => limit.customer),
      limits.map((limit) => limit.quantity),
      limits.map((limit) => limit.perCustomer),
    ],
  )
}

function insertOrders(
  statements: Statements,
  id: string,
  expiresAt: number,
  portion: OrderColumns,
): Promise<number> {
  return statements.execute(insertColumns, columnsOf(id, expiresAt, portion))
}

/**
 * Columns are unnested side by side; a shorter one ends in nulls. A key whose order was put away is refused as if it were
 * still there.
 */
const insertColumns = `INSERT INTO orders.orders
         (transaction_id, expires_at, id, idempotency_key, body_hash, token_hash, details, saga_id)
       SELECT $1, $2, unnest($3::uuid[]), unnest($4::uuid[]), unnest($5::uuid[]), unnest($6::uuid[]),
              unnest($7::text[]), unnest($8::uuid[])
        WHERE NOT EXISTS (SELECT FROM orders.old_keys) OR NOT EXISTS (
          SELECT FROM unnest($4::uuid[]) AS own (key),
                 LATERAL (SELECT FROM orders.old_keys old WHERE old.key = own.key OFFSET 0) AS used)
           OR orders.refuse_old_key()`

function columnsOf(id: string, expiresAt: number, portion: OrderColumns): unknown[] {
  const { ids, keyHashes, bodyHashes, tokenHashes, details, sagas } = portion
  return [
    id,
    new Date(expiresAt),
    ...[ids, keyHashes, bodyHashes, tokenHashes].map(uuidArray),
    textArray(details),
    uuidArray(sagas),
  ]
}
