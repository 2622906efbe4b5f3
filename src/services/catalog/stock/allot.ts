import { assert, unreachable } from '#kernel/assert'
import type { SoldTitle, StockAnswer, StockRequest } from '#services/catalog'
import { availableOf as available, type StockState } from '../books/availability.ts'

/** A title's stock row as it stands under its lock, with what a sale needs to know of the book. */
export type Title = StockState & {
  isbn: string
  title: string
  priceCurrency: string | null
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

/** `titles`: those that copies were reserved of. */
export type Allotted = { answers: StockAnswer[]; movements: Movement[]; titles: SoldTitle[] }

export type Allot = typeof allot

/** The titles that requests are about. */
export function isbnsOf(requests: readonly StockRequest[]): Set<string> {
  const isbns = new Set<string>()
  for (const request of requests) {
    if (request.kind === 'set-copies') isbns.add(request.isbn)
    else for (const line of request.lines) isbns.add(line.isbn)
  }
  return isbns
}

/**
 * Accepts or refuses each request of a group, whole, in arrival order; titles given are changed as it goes.
 * Never takes what is not there: the stock row's CHECK would only confirm it.
 */
export function allot(
  titles: ReadonlyMap<string, Title>,
  requests: readonly StockRequest[],
  nowMs: number,
): Allotted {
  const group: Group = {
    titles,
    nowMs,
    reserved: new Set(),
    bought: new Map(),
    movements: new Map(),
    setCopies: [],
  }
  const answers = requests.map((request) => allotOne(group, request))
  return {
    answers,
    movements: [
      ...[...group.movements.values()].flatMap((byTitle) => [...byTitle.values()]),
      ...group.setCopies,
    ],
    titles: [...group.reserved].map(soldTitle),
  }
}

function soldTitle({ isbn, title, priceAmount, priceCurrency, perCustomer }: Title): SoldTitle {
  assert(priceAmount !== null && priceCurrency !== null, 'what is sold has a price')
  return { isbn, title, unitPrice: { amount: priceAmount, currency: priceCurrency }, perCustomer }
}

type Group = {
  titles: ReadonlyMap<string, Title>
  nowMs: number
  reserved: Set<Title>
  /** Copies of limited titles taken in this group, by title and customer. */
  bought: Map<string, number>
  /** By kind and title. */
  movements: Map<Movement['movement'], Map<string, Movement>>
  setCopies: Movement[]
}

type Reserve = Extract<StockRequest, { kind: 'reserve' }>
type Line = Reserve['lines'][number]

function allotOne(group: Group, request: StockRequest): StockAnswer {
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
  const { lines } = request
  if (lines.every((line) => isFine(group, request, line)) && areInOneCurrency(group, lines)) return undefined
  return reasonOf(group, request)
}

function isFine(group: Group, request: Reserve, line: Line): boolean {
  const title = group.titles.get(line.isbn)
  return (
    title !== undefined &&
    title.priceAmount !== null &&
    isOpen(title, group.nowMs) &&
    !isOverLimit(group, request, line, title) &&
    available(title) >= line.quantity
  )
}

/** Why a request is refused: what comes first is what its reader should hear first. */
function reasonOf(group: Group, request: Reserve): StockAnswer {
  const unknown = request.lines.filter((line) => !group.titles.has(line.isbn))
  if (unknown.length > 0) return { kind: 'unknown-book', isbns: unknown.map((line) => line.isbn) }
  const lines = request.lines.map((line) => ({ line, title: group.titles.get(line.isbn) as Title }))
  const unpriced = lines.find(({ title }) => title.priceAmount === null)?.title
  if (unpriced) return { kind: 'not-for-sale', isbn: unpriced.isbn }
  const closed = lines.find(({ title }) => !isOpen(title, group.nowMs))?.title
  if (closed)
    return {
      kind: 'sales-not-open',
      isbn: closed.isbn,
      salesOpenAt: (closed.salesOpenAt ?? new Date(0)).toISOString(),
    }
  if (!areInOneCurrency(group, request.lines)) return { kind: 'mixed-currencies' }
  const over = lines.find(({ line, title }) => isOverLimit(group, request, line, title))?.title
  if (over) return { kind: 'customer-limit', isbn: over.isbn, perCustomer: over.perCustomer ?? 0 }
  const short = lines.filter(({ line, title }) => available(title) < line.quantity)
  return {
    kind: 'out-of-stock',
    lines: short.map(({ line, title }) => ({
      isbn: line.isbn,
      requested: line.quantity,
      available: available(title),
    })),
  }
}

const isOpen = ({ salesOpenAt }: Title, nowMs: number) =>
  salesOpenAt === null || salesOpenAt.getTime() <= nowMs

function isOverLimit(group: Group, request: Reserve, line: Line, { perCustomer }: Title): boolean {
  if (perCustomer === null) return false
  const already = Math.max(line.alreadyBought, 0) + (group.bought.get(boughtKey(line, request)) ?? 0)
  return already + line.quantity > perCustomer
}

function areInOneCurrency({ titles }: Group, lines: readonly Line[]): boolean {
  const first = titles.get(lines[0]?.isbn ?? '')?.priceCurrency
  return lines.length === 1 || lines.every((line) => titles.get(line.isbn)?.priceCurrency === first)
}

const reserved: StockAnswer = { kind: 'reserved' }

function reserve(group: Group, request: Reserve): StockAnswer {
  for (const line of request.lines) {
    const title = group.titles.get(line.isbn) as Title
    move(group, title, 'reserve', line.quantity, 0)
    group.reserved.add(title)
    if (title.perCustomer === null) continue
    const key = boughtKey(line, request)
    group.bought.set(key, (group.bought.get(key) ?? 0) + line.quantity)
  }
  return reserved
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
    if (kind === 'confirm') move(group, title, kind, -quantity, quantity)
    else if (kind === 'release') move(group, title, kind, -quantity, 0)
    else move(group, title, kind, 0, -quantity)
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
  heldBy: number,
  soldBy: number,
): void {
  title.held += heldBy
  title.sold += soldBy
  assert(title.held >= 0 && title.sold >= 0 && available(title) >= 0, 'copies are there to be moved')
  const sum = movementOf(group, title.isbn, movement)
  sum.held += heldBy
  sum.sold += soldBy
}

/** The sum of this kind of movement of the title in this group. */
function movementOf({ movements }: Group, isbn: string, movement: Movement['movement']): Movement {
  let byTitle = movements.get(movement)
  if (byTitle === undefined) {
    byTitle = new Map()
    movements.set(movement, byTitle)
  }
  let sum = byTitle.get(isbn)
  if (sum === undefined) {
    sum = { isbn, movement, copies: 0, held: 0, sold: 0, reason: null }
    byTitle.set(isbn, sum)
  }
  return sum
}

const boughtKey = (line: Line, request: Reserve) => `${line.isbn} ${request.customer}`
