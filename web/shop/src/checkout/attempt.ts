import type { NewOrder } from '#services/gateway'

/**
 * One wish to order, from the first click until its outcome is known. Its key goes with every try, so that a double
 * click, a retry or a reload never orders twice.
 */
export type Attempt = {
  key: string
  order: NewOrder
  /** ISO 8601. */
  startedAt: string
  /** `unknown` while a try is under way, or after one that nobody answered: the order may exist. */
  outcome: 'unknown' | 'refused'
}

export type AttemptStore = {
  read(): string | null
  write(value: string | null): void
}

/** The last order that was placed from this browser, whichever tab placed it. */
export type PlacedOrder = Pick<Attempt, 'key' | 'order'> & {
  /** ISO 8601. */
  placedAt: string
}

export function notePlaced(store: AttemptStore, { key, order }: Attempt, nowMs: number): void {
  store.write(JSON.stringify({ key, order, placedAt: new Date(nowMs).toISOString() } satisfies PlacedOrder))
}

/**
 * The attempt by which another tab placed the same copies since this one began its checkout. Sent again it gives that
 * very order: one cart is one order, however many tabs press the button.
 */
export function placedSince(store: AttemptStore, order: NewOrder, sinceMs: number): Attempt | undefined {
  const placed = parsePlaced(store.read())
  if (placed === undefined || Date.parse(placed.placedAt) < sinceMs) return undefined
  if (JSON.stringify(placed.order.lines) !== JSON.stringify(order.lines)) return undefined
  return { key: placed.key, order: placed.order, startedAt: placed.placedAt, outcome: 'unknown' }
}

function parsePlaced(text: string | null): PlacedOrder | undefined {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<PlacedOrder> | null
    const isWhole =
      typeof value?.key === 'string' &&
      typeof value.placedAt === 'string' &&
      Array.isArray(value.order?.lines)
    return isWhole ? (value as PlacedOrder) : undefined
  } catch {
    return undefined
  }
}

/** Older attempts are forgotten: their unpaid copies have long been released. */
const keptMs = 24 * 60 * 60_000

/** The attempt whose outcome nobody knows yet, as after a reload in the middle of one. */
export function openAttempt(store: AttemptStore, nowMs: number): Attempt | undefined {
  const attempt = keptAttempt(store, nowMs)
  return attempt?.outcome === 'unknown' ? attempt : undefined
}

/**
 * The attempt to send for an order: the stored one as long as it is for the very same order, otherwise a new one with
 * a new key. Stored before it is returned, so that a reload finds it.
 */
export function beginAttempt(
  store: AttemptStore,
  order: NewOrder,
  newKey: () => string,
  nowMs: number,
): Attempt {
  const stored = keptAttempt(store, nowMs)
  const isSame = stored !== undefined && JSON.stringify(stored.order) === JSON.stringify(order)
  const attempt: Attempt = isSame
    ? { ...stored, outcome: 'unknown' }
    : { key: newKey(), order, startedAt: new Date(nowMs).toISOString(), outcome: 'unknown' }
  store.write(JSON.stringify(attempt))
  return attempt
}

/** The shop said no and took nothing. The key may be used again for the same order. */
export function refuseAttempt(store: AttemptStore, attempt: Attempt): void {
  if (isStored(store, attempt))
    store.write(JSON.stringify({ ...attempt, outcome: 'refused' } satisfies Attempt))
}

/** The order exists, or the reader gave the attempt up. */
export function endAttempt(store: AttemptStore, attempt: Attempt): void {
  if (isStored(store, attempt)) store.write(null)
}

function keptAttempt(store: AttemptStore, nowMs: number): Attempt | undefined {
  const attempt = parseAttempt(store.read())
  return attempt && nowMs - Date.parse(attempt.startedAt) <= keptMs ? attempt : undefined
}

/** A late answer must not touch the attempt that has taken the place of its own. */
const isStored = (store: AttemptStore, { key }: Attempt) => parseAttempt(store.read())?.key === key

function parseAttempt(text: string | null): Attempt | undefined {
  if (!text) return undefined
  try {
    const value = JSON.parse(text) as Partial<Attempt> | null
    const isWhole =
      typeof value?.key === 'string' &&
      typeof value.startedAt === 'string' &&
      (value.outcome === 'unknown' || value.outcome === 'refused') &&
      Array.isArray(value.order?.lines) &&
      typeof value.order?.customer?.email === 'string'
    return isWhole ? (value as Attempt) : undefined
  } catch {
    return undefined
  }
}
