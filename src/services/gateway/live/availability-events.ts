import { parseIsbn } from '#kernel/isbn'
import type { Clock } from '#ports/clock'
import type { ServiceClient } from '#ports/http'
import { type Availability, getAvailability, type StockChanged } from '#services/catalog'
import type { Exchange } from '../proxy/exchange.ts'
import { type EventStream, type EventStreams, eventText } from './event-streams.ts'
import { createReadQueue } from './read-queue.ts'

export type AvailabilityEvents = Disposable & {
  /** Streams how many copies of a book can be bought. @throws Problem before any stream starts */
  watch(exchange: Exchange, isbn: string): Promise<void>
  changed(message: StockChanged): void
}

type Watched = { streams: Set<EventStream>; latest: Availability | undefined; arriving: number }

const readTimeoutMs = 3_000
/** A title on sale changes a thousand times a second; nobody can read more than this. */
const flushMs = 100
/** So many are told in one turn of the event loop: a drop has thousands of readers, and orders come meanwhile. */
const toldInTurn = 100

export function createAvailabilityEvents(
  client: ServiceClient,
  streams: EventStreams,
  clock: Clock,
): AvailabilityEvents {
  const watched = new Map<string, Watched>()
  const dirty = new Set<string>()
  let flushing: NodeJS.Timeout | undefined
  const flush = async () => {
    const changed = [...dirty]
    dirty.clear()
    let told = 0
    for (const isbn of changed) {
      const entry = watched.get(isbn)
      if (entry?.latest === undefined) continue
      const text = eventText('availability', entry.latest)
      for (const stream of [...entry.streams]) {
        stream.send(text)
        if (++told % toldInTurn === 0) await new Promise(setImmediate)
      }
    }
    // What changed meanwhile is told after this, and never before.
    flushing = dirty.size > 0 ? setTimeout(flush, flushMs) : undefined
  }
  const learn = (isbn: string, news: Availability) => {
    const entry = watched.get(isbn)
    if (entry === undefined || !isNews(entry.latest, news)) return
    entry.latest = news
    dirty.add(isbn)
    flushing ??= setTimeout(flush, flushMs)
  }
  const read = (isbn: string) =>
    client.call('catalog', getAvailability, { params: { isbn }, deadlineMs: readTimeoutMs })
  const reads = createReadQueue(clock, {
    keys: () => watched.keys(),
    read: async (isbn) => learn(isbn, await read(isbn)),
  })
  return {
    async watch(exchange, text) {
      streams.check(exchange)
      const parsed = parseIsbn(text)
      const isbn = parsed.kind === 'ok' ? parsed.isbn : text
      // Noted before the first read, so that a change right after it is not missed.
      const entry = watched.get(isbn) ?? { streams: new Set(), latest: undefined, arriving: 0 }
      watched.set(isbn, entry)
      entry.arriving++
      const forget = () => {
        if (entry.streams.size === 0 && entry.arriving === 0) watched.delete(isbn)
      }
      try {
        const snapshot = await read(isbn)
        if (exchange.response.destroyed) return
        if (entry.latest === undefined || isNews(entry.latest, snapshot)) entry.latest = snapshot
        const stream = streams.open(exchange, () => {
          entry.streams.delete(stream)
          forget()
        })
        entry.streams.add(stream)
        stream.send(eventText('availability', entry.latest))
      } finally {
        entry.arriving--
        forget()
      }
    },
    changed({ books }) {
      for (const news of books) learn(news.isbn, news)
    },
    [Symbol.dispose]() {
      reads[Symbol.dispose]()
      clearTimeout(flushing)
    },
  }
}

/** Messages may come late or twice: only what is not older and not the same is worth telling. */
function isNews(before: Availability | undefined, now: Availability): boolean {
  if (before === undefined) return true
  if (Date.parse(now.asOf) < Date.parse(before.asOf)) return false
  return now.available !== before.available || now.status !== before.status
}
