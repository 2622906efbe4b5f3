import { createHmac } from 'node:crypto'
import { secretLines, signingSecret } from '#kernel/shared-secret'
import type { Clock } from '#ports/clock'
import type { ObjectStore } from '#ports/object-store'
import { customerKey } from '../customer-key.ts'
import { type Erasing, eraseOrders, ordersOf } from './erase-orders.ts'

export type Erased =
  | { kind: 'erased'; orders: number; pdfs: number; proof: Proof }
  /** Some orders are not finished: a payment or a hold is under way. Nothing was erased. */
  | { kind: 'under-way'; orders: string[] }

/** Where the customer could still be found, and how often: 0 everywhere is the proof. */
export type Proof = {
  orders: number
  limits: number
  sagas: number
  index: number
  pdfs: number
  messages: number
  searches: number
}

type Parts = Erasing & {
  objects: ObjectStore
  clock: Clock
  secret: string
  /** Has searches forgotten that hold something of a person. @returns how many still do */
  forgetSearches(person: { names: string[]; emails: string[] }): Promise<number>
}

/**
 * Erases a customer by request, and remembers that it did, by a keyed hash of the address: what is put back from a backup
 * can then be erased again.
 */
export async function eraseCustomer(parts: Parts, email: string): Promise<Erased> {
  const { database, objects, secret } = parts
  const found = await ordersOf(database, email)
  const underWay = found.filter((order) => !order.isAtRest)
  if (underWay.length > 0) return { kind: 'under-way', orders: underWay.map(({ id }) => id) }
  await objects.put(
    keyOf(signingSecret(secret), email),
    Buffer.from(JSON.stringify({ at: new Date(parts.clock.now()).toISOString() })),
    'application/json',
  )
  // First, because nobody knows the name when the orders have lost it.
  const emails = [...new Set([email, ...found.map((order) => order.email)])]
  const names = [...new Set(found.flatMap(({ name }) => name ?? []))]
  const searches = await parts.forgetSearches({ names, emails })
  const ids = found.map(({ id }) => id)
  const erased = await eraseOrders(parts, ids, 'all')
  // One may have begun to move since it was looked at.
  if (erased.kind === 'under-way') return erased
  return { ...erased, orders: ids.length, proof: { ...(await prove(parts, email)), searches } }
}

/** Erases again everybody who was erased before: for databases that were put back to an earlier state. */
export async function eraseAgain(parts: Parts): Promise<{ customers: number; underWay: number }> {
  const keys = new Set(await parts.objects.list(erasuresFolder))
  if (keys.size === 0) return { customers: 0, underWay: 0 }
  const rows = await parts.database.query<{ email: string }>(
    `SELECT DISTINCT details::json -> 'customer' ->> 'email' AS email FROM orders.all_orders`,
    [],
  )
  const counts = { customers: 0, underWay: 0 }
  for (const { email } of rows) {
    if (email === null || !secretLines(parts.secret).some((line) => keys.has(keyOf(line, email)))) continue
    const erased = await eraseCustomer(parts, email)
    if (erased.kind === 'erased') counts.customers++
    else counts.underWay++
  }
  return counts
}

async function prove({ database, objects }: Parts, email: string): Promise<Omit<Proof, 'searches'>> {
  const left = await ordersOf(database, email)
  const [row] = await database.query<{ limits: number; sagas: number; index: number; messages: number }>(
    `SELECT (SELECT count(*) FROM orders.customer_titles WHERE customer = $1)::int AS limits,
            (SELECT count(*) FROM orders.all_listed WHERE key = ANY(ARRAY[md5('email ' || $1), md5('email ' || $2)]::uuid[]))::int AS index,
            (SELECT count(*) FROM orders.all_sagas WHERE strpos(lower(data::text), $1) > 0)::int AS sagas,
            (SELECT count(*) FROM orders.outbox WHERE strpos(lower(payload::text), $1) > 0)::int AS messages`,
    [customerKey(email), email.toLowerCase()],
  )
  let pdfs = 0
  for (const { id } of left) pdfs += (await objects.list(`vouchers/${id}/`)).length
  return {
    orders: left.length,
    limits: row?.limits ?? 0,
    sagas: row?.sagas ?? 0,
    index: row?.index ?? 0,
    messages: row?.messages ?? 0,
    pdfs,
  }
}

const erasuresFolder = 'erasures/'
const keyOf = (secret: string, email: string) =>
  `${erasuresFolder}${createHmac('sha256', secret)
    .update(`erasure ${customerKey(email)}`)
    .digest('hex')}.json`
