import { hash } from 'node:crypto'
import { hashAsUuid } from '#kernel/hash'
import { parseIsbn } from '#kernel/isbn'
import { type FieldError, invalid, Problem } from '#kernel/problem'
import { secretLines, signingSecret } from '#kernel/shared-secret'
import { type Clock, uuid7TimeMs } from '#ports/clock'
import { type Answer, answer, type HttpServer } from '#ports/http'
import { isTracing, noteSpan, nowMs } from '#ports/telemetry'
import type { StockAnswer } from '#services/catalog'
import { copiesMax, type NewOrder, placeOrder, quantityMax } from '#services/coordinator'
import type { Order } from '#services/orders'
import type { GroupEngine } from './engine.ts'
import type { Draft, WishOutcome } from './member.ts'

export type PlaceOptions = { engine: GroupEngine; clock: Clock; secret: string }

/**
 * Reserves copies: the order joins the current group (engine.ts), which goes through one transaction (group.ts) and tells
 * each member what became of its order (answer-members.ts). That is the answer here.
 */
export function addPlaceRoute(server: HttpServer, options: PlaceOptions): void {
  /** Keys being worked on here; the same key on another instance meets the unique constraint instead. */
  const inFlight = new Set<string>()
  const secret = signingSecret(options.secret)
  server.addDirect(placeOrder, async ({ body, headers }) => {
    const key = headers['idempotency-key'] ?? ''
    const token = orderToken(secret, key)
    const draft = draftOf(options, key, token, body)
    if (inFlight.has(draft.keyHash)) throw beingPlaced()
    inFlight.add(draft.keyHash)
    try {
      const wait = () => options.engine.submit({ kind: 'place', draft })
      const outcome = isTracing() ? await tracedPlace(draft.id, wait) : await wait()
      return toAnswer(outcome, tokenAgain(options.secret, key, outcome) ?? token, body)
    } finally {
      inFlight.delete(draft.keyHash)
    }
  })
}

function draftOf({ clock }: PlaceOptions, key: string, token: string, body: NewOrder): Draft {
  const lines = linesOf(body)
  const { name, email } = body.customer
  return {
    id: clock.uuid(),
    keyHash: hashAsUuid(key),
    bodyHash: hashAsUuid(JSON.stringify([name, email, lines])),
    tokenHash: hashAsUuid(token),
    customer: { name, email },
    lines,
    ...(body.channel !== undefined && { channel: body.channel }),
  }
}

/** ISBNs in their one form, a title named twice in one line. @throws Problem 400 naming every wrong line */
function linesOf({ lines }: NewOrder): Draft['lines'] {
  const errors: FieldError[] = []
  const quantities = new Map<string, number>()
  lines.forEach((line, i) => {
    const parsed = parseIsbn(line.isbn)
    if (parsed.kind === 'error') errors.push({ field: `lines[${i}].isbn`, message: parsed.message })
    else quantities.set(parsed.isbn, (quantities.get(parsed.isbn) ?? 0) + line.quantity)
  })
  for (const [isbn, quantity] of quantities)
    if (quantity > quantityMax)
      errors.push({ field: 'lines', message: `asks for more than ${quantityMax} of ${isbn}` })
  const copies = [...quantities.values()].reduce((sum, quantity) => sum + quantity, 0)
  if (copies > copiesMax)
    errors.push({ field: 'lines', message: `ask for more than ${copiesMax} copies in all` })
  if (errors.length > 0) throw invalid(errors)
  return [...quantities].map(([isbn, quantity]) => ({ isbn, quantity }))
}

function toAnswer(outcome: WishOutcome, token: string, body: NewOrder): Answer {
  switch (outcome.kind) {
    case 'placed':
      return answer(201, newOrder(outcome, token), {
        location: `/api/orders/${outcome.order.id}`,
        'cache-control': 'no-store',
      })
    case 'replayed':
      return answer(
        200,
        { ...outcome.order, token },
        {
          location: `/api/orders/${outcome.order.id}`,
          'idempotent-replayed': 'true',
          'cache-control': 'no-store',
        },
      )
    case 'key-reused':
      throw new Problem(422, 'key-reused', 'This Idempotency-Key was used before with another body.')
    case 'stock':
      throw refusal(outcome.answer, body)
    default:
      throw new Error(`an order cannot end as ${outcome.kind}`)
  }
}

type Placed = Extract<WishOutcome, { kind: 'placed' }>

function newOrder({ order: { id }, details, expiresAt }: Placed, token: string): Order {
  const { customer, lines, total } = details
  return {
    id,
    status: 'reserved',
    customer,
    lines,
    total,
    createdAt: new Date(uuid7TimeMs(id)).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    payment: null,
    vouchers: [],
    token,
  }
}

function refusal(stock: StockAnswer, body: NewOrder): Problem {
  switch (stock.kind) {
    case 'out-of-stock':
      return new Problem(409, 'out-of-stock', 'There are not enough copies left; nothing was taken.', {
        lines: stock.lines,
      })
    case 'customer-limit':
      return new Problem(409, 'customer-limit', `One customer may have ${stock.perCustomer} of this title.`, {
        isbn: stock.isbn,
        perCustomer: stock.perCustomer,
      })
    case 'sales-not-open':
      return new Problem(409, 'sales-not-open', `Sales open at ${stock.salesOpenAt}.`, {
        isbn: stock.isbn,
        salesOpenAt: stock.salesOpenAt,
      })
    case 'not-for-sale':
      return new Problem(409, 'not-for-sale', 'This book is not for sale yet: its price is not known.', {
        isbn: stock.isbn,
      })
    case 'mixed-currencies':
      return invalid([{ field: 'lines', message: 'are priced in more than one currency; order them apart' }])
    case 'unknown-book':
      return invalid(unknownBooks(stock.isbns, body))
    default:
      throw new Error(`an order cannot be answered with ${stock.kind}`)
  }
}

function unknownBooks(isbns: readonly string[], { lines }: NewOrder): FieldError[] {
  const unknown = new Set(isbns)
  return lines.flatMap((line, i) => {
    const parsed = parseIsbn(line.isbn)
    const missing = parsed.kind === 'ok' && unknown.has(parsed.isbn)
    return missing ? [{ field: `lines[${i}].isbn`, message: 'is not a book of this shop' }] : []
  })
}

const beingPlaced = () =>
  new Problem(
    409,
    'in-flight',
    'An order with this Idempotency-Key is being placed right now.',
    {},
    { 'retry-after': '1' },
  )

/** An order that is refused has no trace, and one that was placed before has that one's. */
async function tracedPlace(id: string, wait: () => Promise<WishOutcome>): Promise<WishOutcome> {
  const span = { role: 'coordinator', kind: 'server', startMs: nowMs() } as const
  try {
    const outcome = await wait()
    if (outcome.kind === 'placed') noteSpan({ ...span, of: id, name: 'place order', endMs: nowMs() })
    if (outcome.kind === 'replayed')
      noteSpan({ ...span, of: outcome.order.id, name: 'find order again', endMs: nowMs() })
    return outcome
  } catch (error) {
    const failed = error instanceof Error ? error.name : 'error'
    noteSpan({ ...span, of: id, name: 'place order', endMs: nowMs(), error: failed })
    throw error
  }
}

/** The token that an order has which was placed before, maybe under a secret that has been changed since. */
function tokenAgain(secret: string, key: string, outcome: WishOutcome): string | undefined {
  if (outcome.kind !== 'replayed' || outcome.tokenHash === undefined) return undefined
  const tokens = secretLines(secret).map((line) => orderToken(line, key))
  return tokens.find((token) => hashAsUuid(token) === outcome.tokenHash)
}

/**
 * The reader's key to an order, made from the order's Idempotency-Key: a reader who never got the first answer gets
 * the same token with the replay, although only its hash is kept. SHA-3 of secret and message is a message
 * authentication code as it is, where SHA-2 would have to be nested in an HMAC. Source: FIPS 202, appendix A.2.
 */
export function orderToken(secret: string, idempotencyKey: string): string {
  return `order_${hash('sha3-256', `${secret}\0order-token\0${idempotencyKey}`, 'base64url')}`
}
