import type { Order } from '#services/gateway'
import { openStored } from '../stored.ts'

const ordersMax = 50

/** An order this browser placed or was given the key to. */
export type KnownOrder = {
  id: string
  token: string
  createdAt: string
  /** When this browser saw each status, for the timeline; the order itself only says where it stands. */
  seenAt: Partial<Record<Order['status'], string>>
}

const { value: known, read, write } = openStored('octavo-orders', parseKnown)

/** The orders known to this browser, newest first, and the way to learn of one. */
export function useKnownOrders() {
  return { known, tokenOf, remember, saw, forget }
}

const tokenOf = (id: string) => known.value.find((order) => order.id === id)?.token

function remember(order: { id: string; token: string; createdAt?: string }): void {
  const stored = read()
  const before = stored.find((k) => k.id === order.id)
  const entry: KnownOrder = {
    id: order.id,
    token: order.token,
    createdAt: order.createdAt ?? before?.createdAt ?? new Date().toISOString(),
    seenAt: before?.seenAt ?? {},
  }
  keep([entry, ...stored.filter((k) => k.id !== order.id)])
}

/** Notes that an order was seen in its present status, once per status. */
function saw(order: Order, at: string): void {
  const stored = read()
  const before = stored.find((k) => k.id === order.id)
  if (!before || before.seenAt[order.status]) return
  const seenAt = { ...before.seenAt, [order.status]: at }
  keep(stored.map((k) => (k.id === order.id ? { ...k, createdAt: order.createdAt, seenAt } : k)))
}

function forget(id: string): void {
  keep(read().filter((k) => k.id !== id))
}

function keep(next: readonly KnownOrder[]): void {
  write([...next].sort((a, b) => b.createdAt.localeCompare(a.createdAt)).slice(0, ordersMax))
}

function parseKnown(text: string | null): readonly KnownOrder[] {
  if (!text) return []
  try {
    const stored: unknown = JSON.parse(text)
    return Array.isArray(stored) ? stored.filter(isKnown).slice(0, ordersMax) : []
  } catch {
    return []
  }
}

function isKnown(value: unknown): value is KnownOrder {
  const order = value as Partial<KnownOrder> | null
  return (
    typeof order?.id === 'string' &&
    typeof order.token === 'string' &&
    typeof order.createdAt === 'string' &&
    typeof order.seenAt === 'object' &&
    order.seenAt !== null
  )
}
