import { Problem } from '#kernel/problem'
import { together } from '#kernel/together'
import type { Broker } from '#ports/broker'
import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'
import type { ServiceClient } from '#ports/http'
import { getBook } from '#services/catalog'
import { type SettlementOutcome, settleOrders } from '#services/coordinator'
import type { Settlement } from '#services/orders'
import {
  type Drawing,
  drawnAtOnceMax,
  requestVouchers,
  type VoucherData,
  vouchersWantedTopic,
} from '#services/vouchers'
import { type OrderRow, readOrders, readVouchers, type VoucherRow, vouchersOf } from './order-row.ts'

/**
 * What the steps of sagas ask others, gathered: a hundred sagas at the same step read their orders by one statement and
 * send one request.
 */
export type Gathered = {
  order(id: string): Promise<OrderRow | undefined>
  /** The vouchers of one order, by number. */
  vouchers(orderId: string): Promise<VoucherRow[]>
  /** The same of an order that may have been put away. */
  vouchersOf(order: OrderRow): Promise<VoucherRow[]>
  /** Names of the authors; none while catalog is away, since a voucher without them is still good. */
  authors(isbn: string): Promise<readonly string[]>
  /** Has vouchers drawn. */
  draw(vouchers: readonly VoucherData[]): Promise<Drawing>
  settle(settlement: Settlement): Promise<SettlementOutcome['kind']>
}

type Parts = {
  database: Database
  client: ServiceClient
  clock: Clock
  broker: Pick<Broker, 'publish'>
}

const atOnceMax = 128
const drawDeadlineMs = 3_000
/** What waits on the shared queue is not asked for again soon, which would put it there twice. */
const queuedDueInMs = 10_000
const settleDeadlineMs = 8_000
const bookDeadlineMs = 1_000
/** Authors are kept for a moment: a drop is thousands of orders for one title. */
const authorsKeptMs = 30_000
const authorsKeptMax = 1_000

export function gather(parts: Parts): Gathered {
  const { database, client, broker } = parts
  return {
    order: together(async (ids: readonly string[]) => {
      const rows = new Map((await readOrders(database, ids)).map((row) => [row.id, row]))
      return ids.map((id) => rows.get(id))
    }, atOnceMax),
    vouchers: together(async (orderIds: readonly string[]) => {
      const rows = Map.groupBy(await readVouchers(database, orderIds), (row) => row.orderId)
      return orderIds.map((id) => rows.get(id) ?? [])
    }, atOnceMax),
    vouchersOf: together(async (orders: readonly OrderRow[]) => {
      const rows = Map.groupBy(await vouchersOf(database, orders), (row) => row.orderId)
      return orders.map(({ id }) => rows.get(id) ?? [])
    }, atOnceMax),
    authors: keptAuthors(parts),
    draw: together(async (asked: readonly (readonly VoucherData[])[]) => {
      const answers = portions(asked).map((portion) => askToDraw(client, broker, portion))
      return (await Promise.all(answers)).flat()
    }, atOnceMax),
    settle: together(async (settlements: readonly Settlement[]) => {
      const { outcomes } = await client.call('coordinator', settleOrders, {
        body: { settlements: [...settlements] },
        deadlineMs: settleDeadlineMs,
      })
      const kinds = new Map(outcomes.map(({ orderId, kind }) => [orderId, kind]))
      return settlements.map(({ orderId }) => kinds.get(orderId) ?? 'failed')
    }, atOnceMax),
  }
}

/** Cuts what many orders ask for into requests that the voucher generator takes. */
function portions(asked: readonly (readonly VoucherData[])[]): (readonly VoucherData[])[][] {
  const found: (readonly VoucherData[])[][] = []
  let room = 0
  for (const own of asked) {
    if (own.length > room) {
      found.push([])
      room = drawnAtOnceMax
    }
    found.at(-1)?.push(own)
    room -= own.length
  }
  return found
}

/** Those whom no generator takes now go on the queue that all of them share. */
async function askToDraw(
  client: ServiceClient,
  broker: Pick<Broker, 'publish'>,
  asked: readonly (readonly VoucherData[])[],
): Promise<Drawing[]> {
  const body = { vouchers: asked.flat() }
  const options = { body, deadlineMs: drawDeadlineMs }
  const { stored, dueInMs } = await client
    .call('vouchers', requestVouchers, options)
    .catch(async (error: unknown) => {
      if (!(error instanceof Problem && [429, 503].includes(error.status))) throw error
      await broker.publish(asked.map((vouchers) => ({ topic: vouchersWantedTopic, payload: { vouchers } })))
      return { stored: [], dueInMs: queuedDueInMs }
    })
  const codes = new Set(stored)
  return asked.map((own) => ({
    stored: own.map(({ code }) => code).filter((code) => codes.has(code)),
    dueInMs,
  }))
}

type Kept = { names: Promise<readonly string[]>; untilMs: number }

function keptAuthors({ client, clock }: Pick<Parts, 'client' | 'clock'>): Gathered['authors'] {
  const kept = new Map<string, Kept>()
  return (isbn) => {
    const nowMs = clock.monotonicMs()
    const known = kept.get(isbn)
    if (known !== undefined && known.untilMs > nowMs) return known.names
    const entry: Kept = { untilMs: nowMs + authorsKeptMs, names: Promise.resolve([]) }
    entry.names = client.call('catalog', getBook, { params: { isbn }, deadlineMs: bookDeadlineMs }).then(
      (book) => book.contributors.map(({ name }) => name),
      // The voucher goes without them for now; the next one asks again.
      () => {
        if (kept.get(isbn) === entry) kept.delete(isbn)
        return []
      },
    )
    kept.delete(isbn)
    kept.set(isbn, entry)
    for (const oldest of kept.keys()) {
      if (kept.size <= authorsKeptMax) break
      kept.delete(oldest)
    }
    return entry.names
  }
}
