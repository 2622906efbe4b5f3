import { randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'
import { type Figures, figuresOf } from './rounds.ts'

/** What a guest may wait for one order, from sending it to holding its PDF. */
const wholeOrderMaxMs = 120_000
const attemptsMax = 10

/**
 * Guests buy one copy each of a title that costs nothing: place the order, follow it live as the shop's page does until
 * it is confirmed, download the voucher by its link. An order counts when its PDF has arrived, whole.
 * @param orders how many in all, `callers` of them at a time
 * @throws Error when an order is refused, ends otherwise or takes longer than two minutes
 */
export async function guestOrders(
  url: string,
  isbn: string,
  orders: number,
  callers: number,
): Promise<Figures> {
  const agent = new Agent({ connections: 2 * callers, keepAliveTimeout: 30_000 })
  const waits: number[] = []
  let left = orders
  const guest = async () => {
    while (left > 0) {
      left--
      const start = performance.now()
      await buy(agent, url, isbn)
      waits.push(performance.now() - start)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: callers }, guest))
  const figures = figuresOf(waits, performance.now() - start)
  await agent.close()
  return figures
}

type Shown = { id: string; token: string; status: string; vouchers: { url: string }[] }

async function buy(dispatcher: Agent, url: string, isbn: string): Promise<void> {
  const body = JSON.stringify({
    customer: { name: 'Ada Byron', email: `ada-${randomBytes(6).toString('hex')}@example.org` },
    lines: [{ isbn, quantity: 1 }],
  })
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': randomBytes(12).toString('hex'),
  }
  const place = () => request(`${url}/api/orders`, { method: 'POST', dispatcher, headers, body })
  let placed = await place()
  // On a machine with other work a part may not answer in time; the key makes asking again safe.
  for (let attempt = 1; placed.statusCode === 503 && attempt < attemptsMax; attempt++) {
    await placed.body.dump()
    placed = await place()
  }
  const order = (await placed.body.json()) as Shown
  if (placed.statusCode !== 201) throw new Error(`${placed.statusCode} ${JSON.stringify(order)}`)
  const { vouchers } = await confirmed(
    dispatcher,
    `${url}/api/orders/${order.id}/events?token=${order.token}`,
  )
  await download(dispatcher, url, vouchers[0]?.url ?? '')
}

/** Follows an order's events until it is confirmed. */
async function confirmed(dispatcher: Agent, events: string): Promise<Shown> {
  const signal = AbortSignal.timeout(wholeOrderMaxMs)
  const { statusCode, body } = await request(events, { dispatcher, signal })
  if (statusCode !== 200) throw new Error(`the order's events: ${statusCode} ${await body.text()}`)
  let text = ''
  for await (const chunk of body.setEncoding('utf8')) {
    const parts = (text + chunk).split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) {
      const data = /^data: ?(.*)$/m.exec(part)?.[1]
      if (data === undefined) continue
      const order = JSON.parse(data) as Shown
      if (order.status === 'confirmed') return order
      if (order.status !== 'reserved') throw new Error(`order ${order.id} is ${order.status}`)
    }
  }
  throw new Error('the events of an order ended before it was confirmed')
}

async function download(dispatcher: Agent, url: string, link: string): Promise<void> {
  const { pathname, search } = new URL(link)
  const ask = () => request(url + pathname + search, { dispatcher })
  let answer = await ask()
  for (let attempt = 1; [503, 504].includes(answer.statusCode) && attempt < attemptsMax; attempt++) {
    await answer.body.dump()
    answer = await ask()
  }
  const pdf = Buffer.from(await answer.body.arrayBuffer())
  if (answer.statusCode !== 200 || pdf.subarray(0, 5).toString() !== '%PDF-' || !pdf.includes('%%EOF'))
    throw new Error(`the voucher is no PDF: ${answer.statusCode}, ${pdf.length} bytes`)
}
