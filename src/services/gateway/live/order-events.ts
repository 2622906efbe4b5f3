import { Problem } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import { type ServiceClient, sessionTokenOf } from '#ports/http'
import { traced } from '#ports/telemetry'
import { getOrderHistory, type Order, type OrderChanged, type OrderStatus } from '#services/orders'
import type { Exchange } from '../proxy/exchange.ts'
import { type EventStream, type EventStreams, eventText } from './event-streams.ts'
import { createReadQueue } from './read-queue.ts'

export type OrderEvents = Disposable & {
  /** Streams an order to whoever may see it. @throws Problem before any stream starts */
  watch(exchange: Exchange, id: string): Promise<void>
  /** What the broker says has changed; only a hint to read again. */
  changed(message: OrderChanged): void
}

type Watcher = { stream: EventStream; credentials: Credentials; version: number }
/** `key` is what of them tells one holder from another. */
type Credentials = { token: string | undefined; headers: Record<string, string>; key: string }
type Watched = { watchers: Set<Watcher>; version: number; isFinal: boolean; arriving: number }
type HistoryEvent = { version: number; order: Order }

const readTimeoutMs = 3_000
/** No order gets there; whoever claims to have seen more is told the current state. */
const versionMax = 2 ** 31 - 1
/** To whom an order is not shown: no longer logged in, no role for it, or never its reader. */
const noEntry: ReadonlySet<number> = new Set([401, 403, 404])
/** Nothing more will happen to an order in one of these, except that a cancelled one is refunded when it was paid. */
const finalStatuses: ReadonlySet<OrderStatus> = new Set([
  'redeemed',
  'expired',
  'cancelled',
  'refunded',
  'failed',
])

/** Orders are read from `orders` when the broker says so, and every few seconds in case it does not. */
export function createOrderEvents(client: ServiceClient, streams: EventStreams, clock: Clock): OrderEvents {
  const watched = new Map<string, Watched>()
  const history = async (id: string, after: number | undefined, { token, headers }: Credentials) => {
    const { events } = await client.call('orders', getOrderHistory, {
      params: { id },
      query: { after, token },
      headers,
      deadlineMs: readTimeoutMs,
    })
    return events as HistoryEvent[]
  }
  const reads = createReadQueue(clock, {
    keys: () => [...watched].filter(([, { isFinal }]) => !isFinal).map(([id]) => id),
    read: async (id) => {
      const entry = watched.get(id)
      if (entry !== undefined) await readAgain(id, entry, history)
    },
  })
  const forget = (id: string, entry: Watched) => {
    if (entry.watchers.size === 0 && entry.arriving === 0) watched.delete(id)
  }
  return {
    async watch(exchange, id) {
      streams.check(exchange)
      const credentials = credentialsOf(exchange)
      const after = lastEventId(exchange)
      // Noted before the first read, so that a change right after it is not missed.
      const entry = watched.get(id) ?? { watchers: new Set(), version: -1, isFinal: false, arriving: 0 }
      watched.set(id, entry)
      entry.arriving++
      try {
        const events = await history(id, after, credentials)
        if (exchange.response.destroyed) return
        const watcher = start(exchange, streams, entry, credentials, () => forget(id, entry))
        deliver(watcher, after === undefined ? events.slice(-1) : events)
        entry.isFinal = isFinal(events)
        if (entry.version > watcher.version) reads.soon(id)
      } finally {
        entry.arriving--
        forget(id, entry)
      }
    },
    changed({ orders }) {
      for (const { id, version } of orders) {
        const entry = watched.get(id)
        if (entry === undefined || version <= entry.version) continue
        entry.version = version
        reads.soon(id)
      }
    },
    [Symbol.dispose]: () => reads[Symbol.dispose](),
  }
}

function start(
  exchange: Exchange,
  streams: EventStreams,
  entry: Watched,
  credentials: Credentials,
  onClose: () => void,
): Watcher {
  const watcher: Watcher = {
    credentials,
    version: -1,
    stream: streams.open(exchange, () => {
      entry.watchers.delete(watcher)
      onClose()
    }),
  }
  entry.watchers.add(watcher)
  return watcher
}

/** Reads what the watchers have not seen, once for all with the same credentials; who may not any more is sent away. */
async function readAgain(
  id: string,
  entry: Watched,
  history: (id: string, after: number, credentials: Credentials) => Promise<HistoryEvent[]>,
): Promise<void> {
  const alike = Map.groupBy(entry.watchers, ({ credentials }) => credentials.key)
  const reading = [...alike.values()].map(async (watchers) => {
    const after = Math.max(0, Math.min(...watchers.map(({ version }) => version)))
    const [{ credentials }] = watchers as [Watcher, ...Watcher[]]
    try {
      const traces = { of: id, role: 'gateway', name: 'tell open pages', kind: 'producer' } as const
      const events = await traced(traces, () => history(id, after, credentials))
      entry.isFinal = isFinal(events)
      for (const watcher of watchers)
        deliver(
          watcher,
          events.filter((e) => e.version > watcher.version),
        )
    } catch (error) {
      if (!(error instanceof Problem && noEntry.has(error.status))) throw error
      for (const { stream } of watchers) stream.close()
    }
  })
  await Promise.all(reading)
}

function deliver(watcher: Watcher, events: readonly HistoryEvent[]): void {
  for (const { version, order } of events) {
    watcher.stream.send(eventText('order', order, version))
    watcher.version = Math.max(watcher.version, version)
  }
}

function isFinal(events: readonly HistoryEvent[]): boolean {
  const order = events.at(-1)?.order
  if (order === undefined) return false
  const isRefundDue = order.status === 'cancelled' && order.payment?.status === 'captured'
  return finalStatuses.has(order.status) && !isRefundDue
}

/** A browser's EventSource can set no header, so a reader's token comes in the address; whoever can comes as usual. */
function credentialsOf({ request, target }: Exchange): Credentials {
  const query = new URLSearchParams(target.split('?', 2)[1] ?? '')
  const { authorization, cookie } = request.headers
  const token = query.get('token') || undefined
  if (token !== undefined && token.length > 200)
    throw new Problem(404, 'not-found', 'There is no such order.')
  return {
    token,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(cookie !== undefined && { cookie }),
    },
    key: token ?? authorization ?? sessionTokenOf(cookie) ?? '',
  }
}

function lastEventId({ request }: Exchange): number | undefined {
  const text = String(request.headers['last-event-id'] ?? '')
  return /^\d{1,15}$/.test(text) ? Math.min(Number(text), versionMax) : undefined
}
