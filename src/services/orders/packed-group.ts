import { decodeFrame, encodeFrame } from '#kernel/frame'
import { type PackedList, packTexts, packUuids } from '#kernel/packed-list'
import { customerKey } from './customer-key.ts'
import type { GroupCommit, Hashes, PlacedOrder } from './group-commit.ts'

/** A group with its orders as columns, each of which goes into their statement as it is. */
export type PackedGroup = Pick<GroupCommit, 'participants' | 'settled' | 'expiresAt'> & {
  limits: readonly CustomerLimit[]
  /** Orders that cost nothing, and the others, whose holds run out. */
  free: PackedList
  held: PackedList
  /** Portions of the orders, at least one. */
  portions: readonly OrderColumns[]
}

/** Copies of a title that a customer takes with this group. */
export type CustomerLimit = { isbn: string; customer: string; quantity: number; perCustomer: number }

/** Those that cost nothing come first: `sagas` has their ids and is shorter than the other columns. */
export type OrderColumns = Record<(typeof columnNames)[number], PackedList>

const columnNames = ['ids', 'keyHashes', 'bodyHashes', 'tokenHashes', 'details', 'sagas'] as const

/** Small enough that packing one takes no longer than inserting it. */
export const portionMax = 256

export function packGroup({ placed, ...rest }: GroupCommit): PackedGroup {
  const isFree = (order: PlacedOrder) => order.free
  const free = placed.filter(isFree)
  const held = free.length === 0 ? placed : placed.filter((order) => !order.free)
  const ordered = free.length === 0 ? placed : [...free, ...held]
  return {
    ...rest,
    limits: limitsOf(placed),
    free: packIds(free),
    held: packIds(held),
    portions: inPortions(ordered).map(columnsOf),
  }
}

const packIds = (orders: readonly (Hashes & { id: string })[]) => packUuids(orders.map((order) => order.id))

function columnsOf(orders: readonly PlacedOrder[]): OrderColumns {
  return {
    ids: packIds(orders),
    keyHashes: packUuids(orders.map((order) => order.keyHash)),
    bodyHashes: packUuids(orders.map((order) => order.bodyHash)),
    tokenHashes: packUuids(orders.map((order) => order.tokenHash)),
    details: packTexts(orders.map((order) => order.details)),
    sagas: packIds(orders.filter((order) => order.free)),
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

/** The group as a request's body: `free` and `held`, then the columns of each portion. */
export function encodeGroup(group: GroupCommit): Buffer {
  const { free, held, portions, ...head } = packGroup(group)
  const columns = portions.flatMap((portion) => columnNames.map((name) => portion[name]))
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
