import type { Duck } from '../store/duck.ts'
import type { Cut } from './cut.ts'

const toldMax = 20

export type Counted = { orders: number; versions: number }

/** What OrderDb has. It reads all its orders for it: ask early, and wait late. */
export async function countOrders({ orders }: Cut): Promise<Counted> {
  const [source] = await orders.query<Counted>(
    'SELECT count(*) AS orders, coalesce(sum(version), 0)::bigint AS versions FROM orders.all_orders',
    [],
  )
  return source ?? { orders: 0, versions: 0 }
}

/**
 * What the warehouse and its sources do not agree on, before it is published: as many orders in as many versions as
 * OrderDb has, the ledger adding up to the stock of every title, and the orders to what is held and sold of it. The last
 * one is what a cut that is not consistent would break.
 */
export async function disagreements(duck: Duck, counted: Promise<Counted>): Promise<string[]> {
  const found: string[] = []
  const source = await counted
  const [own] = await duck.rows<{ orders: string; versions: string }>(
    'SELECT count(*) AS orders, coalesce(sum(version), 0)::BIGINT AS versions FROM orders',
  )
  if (Number(own?.orders) !== source.orders || Number(own?.versions) !== source.versions)
    found.push(
      `OrderDb has ${source.orders} orders in ${source.versions} versions, the warehouse ${own?.orders} in ${own?.versions}`,
    )
  const ledger = await duck.rows<{ isbn: string; text: string }>(
    `SELECT s.isbn, format('stock is {} copies, {} held, {} sold, the ledger adds up to {}, {}, {}',
              s.copies, s.held, s.sold, coalesce(l.copies, 0), coalesce(l.held, 0), coalesce(l.sold, 0)) AS text
       FROM stock s LEFT JOIN (SELECT isbn, sum(copies_delta) AS copies, sum(held_delta) AS held, sum(sold_delta) AS sold
                                 FROM ledger GROUP BY isbn) l USING (isbn)
      WHERE (s.copies, s.held, s.sold) IS DISTINCT FROM
            (coalesce(l.copies, 0), coalesce(l.held, 0), coalesce(l.sold, 0)) ORDER BY 1 LIMIT ${toldMax}`,
  )
  for (const { isbn, text } of ledger) found.push(`${isbn}: ${text}`)
  const taken = await duck.rows<{ isbn: string; text: string }>(
    `SELECT isbn, format('stock has {} held, {} sold, the orders {}, {}',
              coalesce(s.held, 0), coalesce(s.sold, 0), coalesce(o.held, 0), coalesce(o.sold, 0)) AS text
       FROM (SELECT isbn, held, sold FROM stock WHERE held > 0 OR sold > 0) s
       FULL JOIN (SELECT isbn, coalesce(sum(quantity) FILTER (order_status IN ('reserved', 'paid')), 0) AS held,
                         coalesce(sum(quantity) FILTER (order_status IN ('confirmed', 'redeemed')), 0) AS sold
                    FROM lines WHERE order_status IN ('reserved', 'paid', 'confirmed', 'redeemed') GROUP BY isbn) o USING (isbn)
      WHERE (coalesce(s.held, 0), coalesce(s.sold, 0)) IS DISTINCT FROM (coalesce(o.held, 0), coalesce(o.sold, 0))
      ORDER BY 1 LIMIT ${toldMax}`,
  )
  for (const { isbn, text } of taken) found.push(`${isbn}: ${text}`)
  return found.slice(0, toldMax)
}
