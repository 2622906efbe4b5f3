import { assert, unreachable } from '#kernel/assert'
import type { StockAnswer, StockRequest } from '#services/catalog'
import { availableOf as available, type StockState } from '../availability.ts'

/** A title's stock row as it stands under its lock, with what a sale needs to know of the book. */
export type Title = StockState & {
  isbn: string
  title: string
  priceAmount: number
  priceCurrency: string
  perCustomer: number | null
}

/** A change of one title's stock by one kind of movement, summed over a group. */
export type Movement = {
  isbn: string
  movement: StockRequest['kind']
  copies: number
  held: number
  sold: number
  reason: string | null
}

export type Decided = { answers: StockAnswer[]; movements: Movement[] }

/**
 * Accepts or refuses each request of a group, whole, in arrival order; titles given are changed as it goes.
 * Never takes what is not there: the stock row's CHECK would only confirm it.
 */
export function decide(
  titles: ReadonlyMap<string, Title>,
  requests: readonly StockRequest[],
  nowMs: number,
): Decided {
  const group: Group = { titles, nowMs, bought: new Map(), movements: new Map(), setCopies: [] }
  const answers = requests.map((request) => decideOne(group, request))
  return { answers, movements: [...group.movements.values(), ...group.setCopies] }
}

type Group = {
  titles: ReadonlyMap<string, Title>
  nowMs: number
  /** Copies of limited titles taken in this group, by title and customer. */
  bought: Map<string, number>
  movements: Map<string, Movement>
  setCopies: Movement[]
}

type Reserve = Extract<StockRequest, { kind: 'reserve' }>
type Line = Reserve['lines'][number]

function decideOne(group: Group, request: StockRequest): StockAnswer {
  switch (request.kind) {
    case 'reserve':
      return refusalOf(group, request) ?? reserve(group, request)
    case 'confirm':
    case 'release':
    case 'return':
      return giveOn(group, request.kind, request.lines)
    case 'set-copies':
      return setCopies(group, request)
    default:
      return unreachable(request, 'stock request')
  }
}

function refusalOf(group: Group, request: Reserve): StockAnswer | undefined {
  const unknown = request.lines.filter((line) => !group.titles.has(line.isbn))
  if (unknown.length > 0) return { kind: 'unknown-book', isbns: unknown.map((line) => line.isbn) }
  const lines = request.lines.map((line) => ({ ...line, title: group.titles.get(line.isbn) as Title }))
  const closed = lines.find(
    ({ title }) => title.salesOpenAt !== null && title.salesOpenAt.getTime() > group.nowMs,
  )
  if (closed)
    return {
      kind: 'sales-not-open',
      isbn: closed.isbn,
      salesOpenAt: (closed.title.salesOpenAt ?? new Date(0)).toISOString(),
    }
  if (lines.some(({ title }) => title.priceCurrency !== lines[0]?.title.priceCurrency))
    return { kind: 'mixed-currencies' }
  const over = lines.find((line) => {
    const already = Math.max(line.alreadyBought, 0) + (group.bought.get(boughtKey(line, request)) ?? 0)
    return line.title.perCustomer !== null && already + line.quantity > line.title.perCustomer
  })
  if (over) return { kind: 'customer-limit', isbn: over.isbn, perCustomer: over.title.perCustomer ?? 0 }
  const short = lines.filter(({ title, quantity }) => available(title) < quantity)
  if (short.length === 0) return undefined
  return {
    kind: 'out-of-stock',
    lines: short.map((line) => ({
      isbn: line.isbn,
      requested: line.quantity,
      available: available(line.title),
    })),
  }
}

function reserve(group: Group, request: Reserve): StockAnswer {
  const lines = request.lines.map((line) => {
    const title = group.titles.get(line.isbn) as Title
    move(group, title, 'reserve', { held: line.quantity })
    const { perCustomer, priceAmount, priceCurrency } = title
    if (perCustomer !== null) {
      const key = boughtKey(line, request)
      group.bought.set(key, (group.bought.get(key) ?? 0) + line.quantity)
    }
    return {
      isbn: line.isbn,
      title: title.title,
      quantity: line.quantity,
      unitPrice: { amount: priceAmount, currency: priceCurrency },
      perCustomer,
    }
  })
  return { kind: 'reserved', lines }
}

/** Held copies become sold (confirm) or free (release); sold copies become free again (return). */
function giveOn(
  group: Group,
  kind: 'confirm' | 'release' | 'return',
  lines: readonly { isbn: string; quantity: number }[],
): StockAnswer {
  const from = kind === 'return' ? 'sold' : 'held'
  const moved = lines.map((line) => ({ ...line, title: group.titles.get(line.isbn) }))
  if (moved.some(({ title, quantity }) => title === undefined || title[from] < quantity))
    return { kind: 'not-there' }
  for (const { title, quantity } of moved) {
    assert(title !== undefined, 'a title was looked for above')
    if (kind === 'confirm') move(group, title, kind, { held: -quantity, sold: quantity })
    else if (kind === 'release') move(group, title, kind, { held: -quantity })
    else move(group, title, kind, { sold: -quantity })
  }
  return { kind: 'moved' }
}

function setCopies(group: Group, request: Extract<StockRequest, { kind: 'set-copies' }>): StockAnswer {
  const title = group.titles.get(request.isbn)
  if (title === undefined) return { kind: 'unknown-book', isbns: [request.isbn] }
  const committed = title.held + title.sold
  if (request.copies < committed) return { kind: 'below-sold', committed }
  const copies = request.copies - title.copies
  title.copies = request.copies
  const { isbn, reason } = request
  group.setCopies.push({ isbn, movement: 'set-copies', copies, held: 0, sold: 0, reason })
  return { kind: 'copies-set', copies: title.copies, available: available(title) }
}

function move(
  group: Group,
  title: Title,
  movement: Movement['movement'],
  by: { held?: number; sold?: number },
): void {
  title.held += by.held ?? 0
  title.sold += by.sold ?? 0
  assert(
    title.held >= 0 && title.sold >= 0 && available(title) >= 0,
    `${movement} of copies that are not there`,
  )
  const key = `${movement} ${title.isbn}`
  const sum = group.movements.get(key) ?? {
    isbn: title.isbn,
    movement,
    copies: 0,
    held: 0,
    sold: 0,
    reason: null,
  }
  sum.held += by.held ?? 0
  sum.sold += by.sold ?? 0
  group.movements.set(key, sum)
}

const boughtKey = (line: Line, request: Reserve) => `${line.isbn} ${request.customer}`
