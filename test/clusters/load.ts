import { Agent, request } from 'undici'
import { type Clients, startClients, type Wanted } from '../faults/clients.ts'

/** What readers saw during one part of a story. */
export type Seen = {
  orders: number
  /** Requests that brought no answer, or 5xx or 429. */
  failed: number
  /** The most of those for one order, and how all tries of that one ended. */
  failedMost: number
  worst: string[]
  /** The longest time in which nobody got an answer 201. */
  longestWithoutMs: number
  reasons: Record<string, number>
}

export type Load = {
  clients: Clients
  /** Runs a part of the story and tells what was seen during it. */
  during(work: () => Promise<void>): Promise<Seen>
}

export function startLoad(options: {
  url: string
  isbns: readonly string[]
  count: number
  pauseMs: number
}): Load {
  const clients = startClients(options)
  return {
    clients,
    async during(work) {
      const from = performance.now()
      await work()
      const to = performance.now()
      return summary(clients.history, from, to)
    },
  }
}

function summary(history: readonly Wanted[], from: number, to: number): Seen {
  const within = (atMs: number) => atMs >= from && atMs < to
  const orders = history.filter(({ attempts }) => attempts.some(({ atMs }) => within(atMs)))
  const failures = orders.map(({ attempts }) =>
    attempts.filter(
      ({ atMs, status, tookMs }) =>
        // One that is still on its way has no answer yet, and has not failed.
        within(atMs) && tookMs > 0 && (status === 0 || status === 429 || status >= 500),
    ),
  )
  const failedMost = Math.max(0, ...failures.map(({ length }) => length))
  const worst = failedMost > 1 ? orders[failures.findIndex(({ length }) => length === failedMost)] : undefined
  const sales = orders
    .flatMap(({ attempts }) => attempts.filter(({ status }) => status === 201))
    .map(({ atMs, tookMs }) => atMs + tookMs)
    .filter(within)
    .sort((a, b) => a - b)
  const moments = [from, ...sales, to]
  const reasons: Record<string, number> = {}
  for (const { status, kind } of failures.flat()) {
    const reason = `${status} ${kind}`
    reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  return {
    ...{ orders: sales.length, failed: failures.flat().length, reasons },
    failedMost,
    worst: (worst?.attempts ?? []).map(
      ({ atMs, tookMs, status, kind }) =>
        `after ${Math.round(atMs - from)} ms: ${status} ${kind} in ${Math.round(tookMs)} ms`,
    ),
    longestWithoutMs: Math.round(Math.max(...moments.slice(1).map((at, i) => at - (moments[i] ?? at)))),
  }
}

export type Follower = AsyncDisposable & {
  /** Ids of the events, in the order in which they came. */
  readonly ids: readonly string[]
  status(): string
  reconnects(): number
}

const reconnectMs = 100

/** An open page of an order: its event stream, taken up again by the id of its last event whenever it breaks. */
export function followOrder(url: string, id: string, token: string): Follower {
  const stop = new AbortController()
  const agent = new Agent({ bodyTimeout: 0 })
  const ids: string[] = []
  let status = ''
  let connections = 0
  const connect = async () => {
    connections++
    const { statusCode, body } = await request(`${url}/api/orders/${id}/events?token=${token}`, {
      dispatcher: agent,
      headers: ids.length === 0 ? {} : { 'last-event-id': ids.at(-1) ?? '' },
      signal: stop.signal,
      headersTimeout: 5_000,
    })
    if (statusCode !== 200) return void (await body.dump())
    let text = ''
    for await (const chunk of body.setEncoding('utf8')) {
      const events = (text + chunk).split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const eventId = /^id: ?(.*)$/m.exec(event)?.[1]
        const data = /^data: ?(.*)$/m.exec(event)?.[1]
        if (eventId !== undefined && eventId !== ids.at(-1)) ids.push(eventId)
        if (data !== undefined) status = (JSON.parse(data) as { status?: string }).status ?? status
      }
    }
  }
  const following = (async () => {
    while (!stop.signal.aborted) {
      await connect().catch(() => {})
      if (!stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, reconnectMs))
    }
  })()
  return {
    ids,
    status: () => status,
    reconnects: () => connections - 1,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
      await agent.destroy()
    },
  }
}
