import { parseIsbn } from '#kernel/isbn'
import { invalid } from '#kernel/problem'
import type { Reading } from '#ports/database'
import type { HttpServer } from '#ports/http'
import { answer, seenHeader } from '#ports/http'
import { getOrder, getOrderHistory, listOrders, type OrderList, type OrderStatus } from '#services/orders'
import type { Context } from './context.ts'
import { countedMax, countOrders, findOrders } from './find-orders.ts'
import { orderSeenBy, uuidPattern } from './order-holder.ts'
import { type OrderRow, representation } from './order-row.ts'
import { represent, viewOf } from './represent.ts'

/** Reading orders: one by its token, all of them by staff, and what a watcher missed. */
export function addReadRoutes(server: HttpServer, context: Context): void {
  server.add(getOrder, async ({ params, bearer, headers }) => {
    const row = await orderSeenBy(context, params.id, { bearer, headers })
    return representation(row, await context.gathered.vouchersOf(row), viewOf(context))
  })
  server.add(listOrders, async ({ query, headers }) => {
    const { limit = 24, cursor, ...filter } = query
    const reading = await context.reads.reading(headers[seenHeader])
    const list = await page(context, reading, filter, limit, cursor)
    if (list.next === null) return list
    const next = new URLSearchParams({ ...filter, limit: String(limit), cursor: list.next })
    return answer(200, list, { link: `</api/orders?${next}>; rel="next"` })
  })
  server.add(getOrderHistory, async ({ params, query, bearer, headers }) => {
    const caller = { bearer: query.token ?? bearer, headers }
    const row = await orderSeenBy(context, params.id, caller)
    return { events: await history(context, row, query.after) }
  })
}

type Filter = { status?: OrderStatus; email?: string; isbn?: string }

async function page(
  context: Context,
  reading: Reading,
  { isbn: text, ...filter }: Filter,
  limit: number,
  cursor: string | undefined,
): Promise<OrderList> {
  const parsed = text === undefined ? undefined : parseIsbn(text)
  const asked = { ...filter, ...(parsed?.kind === 'ok' && { isbn: parsed.isbn }) }
  const after = cursor === undefined ? null : orderIdOf(cursor)
  const rows = await findOrders(reading, asked, after, limit + 1)
  const total = await countOrders(reading, asked)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: await represent(context, reading, shown),
    total: Math.min(total, countedMax),
    totalIsLowerBound: total > countedMax,
    next: rows.length > limit && last ? Buffer.from(last.id).toString('base64url') : null,
  }
}

/** The versions after `after`, ending with the current state. Vouchers and links are those of now. */
async function history(context: Context, row: OrderRow, after: number | undefined) {
  const from = after ?? row.version
  const noted =
    from + 1 >= row.version
      ? []
      : await context.database.query<Pick<OrderRow, 'version' | 'status' | 'payment'>>(
          `SELECT version, status, payment FROM orders.all_history
            WHERE order_id = $1 AND version > $2 AND version < $3 ORDER BY version LIMIT 200`,
          [row.id, from, row.version],
        )
  const vouchers = await context.gathered.vouchersOf(row)
  const view = viewOf(context)
  return [...noted.map((past) => ({ ...row, ...past })), row].map((each) => ({
    version: each.version,
    order: representation(each, vouchers, view),
  }))
}

function orderIdOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString()
  if (!uuidPattern.test(id)) throw invalid([{ field: 'cursor', message: 'is not a cursor of this list' }])
  return id
}
