import { decodeFrame, encodeFrame } from '#kernel/frame'
import { type PackedList, packTexts, packUuids } from '#kernel/packed-list'
import { customerKey } from './customer-key.ts'

/** Hashes as UUIDs, the first 16 bytes of SHA-256: of the key, of the body, of the reader's token. */
type Hashes = { keyHash: string; bodyHash: string; tokenHash: string }

/** An accepted order on its way into OrderDb. */
export type PlacedOrder = Hashes & {
  id: string
  /** `OrderDetails` as JSON text: written once, and passed on as it is. */
  details: string
  /** The customer's email address, for limits. */
  email: string
  /** Nothing to pay: its saga begins at once. */
  free: boolean
  /** Copies per title that count against a per-customer limit. */
  limits: readonly { isbn: string; quantity: number; perCustomer: number }[]
}

/** A change of an order's course that moves stock: `confirm` sells held copies, `release` and `return` free them. */
export type Settlement = {
  orderId: string
  movement: 'confirm' | 'release' | 'return'
  to: 'confirmed' | 'cancelled' | 'expired' | 'failed'
  /** The saga that asks, or null when none may be at work. */
  sagaId: string | null
  lines: { isbn: string; quantity: number }[]
}

/** `expiresAt`: when the holds of the group's orders run out, in ms since 1970. */
export type GroupCommit = {
  participants: readonly string[]
  placed: readonly PlacedOrder[]
  settled: readonly Settlement[]
  expiresAt: number
  /** The hashes of `placed`, where they are packed already. */
  hashes?: readonly HashColumns[] | undefined
}

/** A group with its orders as columns, each of which goes into their statement as it is. */
export type PackedGroup = Pick<GroupCommit, 'participants' | 'settled' | 'expiresAt'> & {
  limits: readonly CustomerLimit[]
  /** Orders that cost nothing, and the others, whose holds run out. */
  free: PackedList
  held: PackedList
  /** Portions of the orders, at least one, each packed when it is asked for: meanwhile the last one is inserted. */
  portions: Iterable<OrderColumns>
}

/** Copies of a title that a customer takes with this group. */
export type CustomerLimit = { isbn: string; customer: string; quantity: number; perCustomer: number }

/** Those that cost nothing come first: `sagas` has their ids and is shorter than the other columns. */
export type OrderColumns = HashColumns & { details: PackedList; sagas: PackedList }

/** What is known of a portion of orders before they are accepted. */
export type HashColumns = Record<'ids' | 'keyHashes' | 'bodyHashes' | 'tokenHashes', PackedList>

/** Small enough that packing one takes no longer than inserting it. */
export const portionMax = 256

export function packGroup({ placed, hashes, ...rest }: GroupCommit): PackedGroup {
  const { participants, settled, expiresAt } = rest
  const isFree = (order: PlacedOrder) => order.free
  const free = placed.filter(isFree)
  const held = free.length === 0 ? placed : placed.filter((order) => !order.free)
  const ordered = free.length === 0 ? placed : [...free, ...held]
  return {
    ...{ participants, settled, expiresAt },
    limits: limitsOf(placed),
    free: packIds(free),
    held: packIds(held),
    portions: { [Symbol.iterator]: () => portionsOf(ordered, ordered === placed ? hashes : undefined) },
  }
}

/** The hashes of orders, one pack for each portion of them. */
export function packHashes(orders: readonly Identified[]): HashColumns[] {
  return inPortions(orders).map(hashColumns)
}

type Identified = Hashes & { id: string }

const packIds = (orders: readonly Identified[]) => packUuids(orders.map((order) => order.id))

function hashColumns(orders: readonly Identified[]): HashColumns {
  return {
    ids: packIds(orders),
    keyHashes: packUuids(orders.map((order) => order.keyHash)),
    bodyHashes: packUuids(orders.map((order) => order.bodyHash)),
    tokenHashes: packUuids(orders.map((order) => order.tokenHash)),
  }
}

function* portionsOf(
  orders: readonly PlacedOrder[],
  hashes?: readonly HashColumns[],
): Generator<OrderColumns> {
  for (const [i, portion] of inPortions(orders).entries())
    yield {
      ...(hashes?.[i] ?? hashColumns(portion)),
      details: packTexts(portion.map((order) => order.details)),
      sagas: packIds(portion.filter((order) => order.free)),
    }
}

/** At least one. */
function inPortions<Order>(orders: readonly Order[]): (readonly Order[])[] {
  if (orders.length <= portionMax) return [orders]
  const count = Math.ceil(orders.length / portionMax)
  return Array.from({ length: count }, (_, i) => orders.slice(i * portionMax, (i + 1) * portionMax))
}

/** One row per title and customer, in key order, so that two groups never wait for each other in a ring. */
function limitsOf(placed: readonly PlacedOrder[]): CustomerLimit[] {
  const byKey = new Map<string, CustomerLimit>()
  for (const order of placed) {
    if (order.limits.length === 0) continue
    const customer = customerKey(order.email)
    for (const { isbn, quantity, perCustomer } of order.limits) {
      const key = `${isbn} ${customer}`
      const sum = byKey.get(key)
      if (sum) sum.quantity += quantity
      else byKey.set(key, { isbn, customer, quantity, perCustomer })
    }
  }
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, limit]) => limit)
}

const columnNames = ['ids', 'keyHashes', 'bodyHashes', 'tokenHashes', 'details', 'sagas'] as const

/** The group as a request's body: `free` and `held`, then the columns of each portion. */
export function encodeGroup({ free, held, portions, ...head }: PackedGroup): Buffer {
  const columns = [...portions].flatMap((portion) => columnNames.map((name) => portion[name]))
  return encodeFrame(head, [free, held, ...columns])
}

/** @throws Error when the bytes are not what `encodeGroup` makes */
export function decodeGroup(body: Uint8Array): PackedGroup {
  const { head, lists } = decodeFrame(body)
  const [free, held, ...columns] = lists
  if (free === undefined || held === undefined || columns.length % columnNames.length !== 0)
    throw new Error('not a group of orders')
  const portions: OrderColumns[] = []
  for (let i = 0; i < columns.length; i += columnNames.length)
    portions.push(
      Object.fromEntries(columnNames.map((name, k) => [name, columns[i + k]])) as unknown as OrderColumns,
    )
  return { ...(head as Omit<PackedGroup, 'free' | 'held' | 'portions'>), free, held, portions }
}
