import { parseIsbn } from '#kernel/isbn'
import { Problem } from '#kernel/problem'
import type { Cache } from '#ports/cache'
import type { Clock } from '#ports/clock'
import { sessionCookie } from '#ports/http'
import { type Meter, observeOne } from '#ports/telemetry'
import { type CatalogueChanged, publicRoutes, type StockChanged } from '#services/catalog'
import type { Admission } from '../proxy/admission.ts'
import { type Exchange, isWaiting } from '../proxy/exchange.ts'
import { ownHeaders } from '../proxy/own-headers.ts'
import { awayMaxMs, freshMs, staleMs } from './ages.ts'
import { type Changes, createChanges } from './changes.ts'
import { createEntries, type Kept } from './entries.ts'
import { bookTag, listsTag } from './entry.ts'
import { createFetching, type Fetching } from './fetching.ts'
import type { Origin, OriginAnswer } from './origin.ts'
import { type Served, sendEntry } from './send-entry.ts'

/** Answers reads of the catalogue from memory, for everybody alike. What it shows is for display: stock is decided elsewhere. */
export type ReadCache = {
  /**
   * Answers a request, now or soon, if it is one that everybody gets the same answer to.
   * @param passOn sends it to the service in the ordinary way, when nothing is kept and the service is away
   * @returns whether it does
   */
  take(exchange: Exchange, label: string, params: readonly string[], passOn: () => void): boolean
  /**
   * A request that went to a service has been answered; it may have changed the catalogue.
   * @param titles those that an order's answer names, if they are known
   */
  passed(
    method: string | undefined,
    label: string,
    params: readonly string[],
    titles: readonly string[] | undefined,
  ): void
  stockChanged(message: StockChanged): void
  catalogueChanged(message: CatalogueChanged): void
  /** Shows its numbers. */
  observe(meter: Meter): void
}

export type ReadCacheParts = {
  origin: Origin
  admission: Pick<Admission, 'browsing' | 'refuse'>
  shared: Cache | undefined
  clock: Clock
  bytesMax?: number
}

const bytesMaxDefault = 64 * 1024 * 1024
/** Stock of a title on sale changes a thousand times a second; its pages are made anew at most this often. */
const stockEveryMs = 250
/**
 * Whoever has bought or given back a copy looks at once what is left. So many times in a row, and then so often, an
 * order makes the answers about its titles be asked for again at once; in a rush, when nobody could tell, they are as
 * by the news of the stock.
 */
const ordersHeeded = { inARow: 50, everyMs: 200 }
/** Somebody who can be shown an older answer waits no longer than this for a newer one. */
const patienceMs = 400
const targetCharactersMax = 1_000

/** Routes that tell of the catalogue to anybody. */
const cachedLabels: ReadonlySet<string> = new Set(
  publicRoutes
    .filter(({ method, access }) => method === 'GET' && access.kind === 'public')
    .map(({ path }) => path),
)

export function createReadCache({
  origin,
  admission,
  shared,
  clock,
  bytesMax = bytesMaxDefault,
}: ReadCacheParts): ReadCache {
  const nowMs = clock.now
  const entries = createEntries(bytesMax)
  const changes = createChanges(nowMs)
  const fetching = createFetching({ origin, queue: admission.browsing, shared, clock, entries, changes })
  const counts = { hits: 0, stale: 0, misses: 0 }
  const parts = { origin, clock, changes, fetching, counts, refuse: admission.refuse }

  const expire = (some: readonly Kept[], afterMs: number) => {
    for (const entry of some)
      entry.freshUntilMs = Math.min(entry.freshUntilMs, Math.max(nowMs() - 1, entry.madeAtMs + afterMs))
  }
  const booksChanged = (isbns: readonly string[]) => {
    const tags = [listsTag, ...isbns.map(bookTag)]
    changes.note(tags)
    expire(tags.flatMap(entries.tagged), Number.NEGATIVE_INFINITY)
  }
  const everythingChanged = () => {
    changes.noteAll()
    expire(entries.all(), Number.NEGATIVE_INFINITY)
  }
  const heedsOrder = createBudget(ordersHeeded, clock)
  const stockMoved = (isbns: readonly string[], afterMs: number) => {
    const tags = isbns.map(bookTag)
    changes.note(tags)
    for (const tag of tags) expire(entries.tagged(tag), afterMs)
  }
  return {
    take(exchange, label, params, passOn) {
      if (!cachedLabels.has(label) || !isForEverybody(exchange)) return false
      const entry = entries.get(exchange.target)
      if (entry !== undefined && entry.freshUntilMs > nowMs()) {
        counts.hits++
        sendEntry(exchange, entry, { kind: 'hit' }, nowMs())
      }
      // The service answers in its place, and tells of what is wrong there.
      else
        void answer(parts, exchange, entry, isbnOf(params), passOn).catch(() => {
          if (!exchange.response.headersSent) passOn()
        })
      return true
    },
    passed(method, label, params, titles) {
      // Whoever looks how far an import has come is to see what it brought.
      if (label.startsWith('/api/imports')) everythingChanged()
      if (method === 'GET' || method === 'HEAD') return
      if (label.startsWith('/api/orders')) {
        const isHeeded = heedsOrder()
        if (titles !== undefined && titles.length > 0)
          return stockMoved(titles, isHeeded ? Number.NEGATIVE_INFINITY : stockEveryMs)
        if (isHeeded) everythingChanged()
        return
      }
      if (!label.startsWith('/api/books')) return
      const isbn = isbnOf(params)
      if (isbn === undefined) everythingChanged()
      else booksChanged([isbn])
    },
    stockChanged({ books }) {
      stockMoved(
        books.map(({ isbn }) => isbn),
        stockEveryMs,
      )
      void shared?.evict(books.flatMap(({ isbn }) => sharedKeys(isbn)))
    },
    catalogueChanged({ isbns }) {
      if (isbns === null) everythingChanged()
      else booksChanged(isbns)
    },
    observe(meter) {
      const one = (name: string, help: string, read: () => number) =>
        observeOne(meter, `octavo_gateway_cache_${name}`, help, read)
      one('hits_total', 'Reads that were answered from memory.', () => counts.hits)
      one('stale_total', 'Reads that got an older answer while a newer one was fetched.', () => counts.stale)
      one('misses_total', 'Reads that had to be asked of a service.', () => counts.misses)
      one('entries', 'Answers that are kept.', () => entries.count)
      one('bytes', 'Of the answers that are kept.', () => entries.bytes)
      one('nodes', 'Servers of the shared cache.', () => shared?.nodes().length ?? 0)
      one('nodes_up', 'Servers of the shared cache that answer.', () => {
        return shared?.nodes().filter(({ isUp }) => isUp).length ?? 0
      })
    },
  }
}

/** @returns whether one more is within the budget, which fills again by one every so often */
function createBudget({ inARow, everyMs }: typeof ordersHeeded, clock: Clock): () => boolean {
  let left = inARow
  let filledAtMs = clock.monotonicMs()
  return () => {
    const earned = Math.floor((clock.monotonicMs() - filledAtMs) / everyMs)
    if (earned > 0) {
      left = Math.min(inARow, left + earned)
      filledAtMs += earned * everyMs
    }
    if (left === 0) return false
    left--
    return true
  }
}

type Parts = {
  origin: Origin
  clock: Clock
  changes: Changes
  fetching: Fetching
  refuse: Admission['refuse']
  counts: { hits: number; stale: number; misses: number }
}

/** Answers what is not fresh: with the old answer where that may still be shown, with a new one otherwise. */
async function answer(
  { origin, clock, changes, fetching, counts, refuse }: Parts,
  exchange: Exchange,
  entry: Kept | undefined,
  isbn: string | undefined,
  passOn: () => void,
): Promise<void> {
  const nowMs = clock.now()
  const old = entry !== undefined && nowMs - entry.madeAtMs < awayMaxMs ? entry : undefined
  const stale = (detail: Extract<Served, { kind: 'stale' }>['detail']) => {
    counts.stale++
    if (old !== undefined) sendEntry(exchange, old, { kind: 'stale', detail }, clock.now())
  }
  if (origin.isAway()) {
    if (old === undefined) return passOn()
    return stale('origin-away')
  }
  // Fresh until a moment ago, and ended by the clock alone: nobody has to wait for the new one.
  const isOfTheClock = old !== undefined && old.freshUntilMs >= old.madeAtMs + freshMs
  const mayWait =
    isOfTheClock && nowMs - old.madeAtMs < staleMs && !changes.hasChanged(old.tags, old.madeAtMs)
  const asker = { client: exchange.client, isWaiting: () => mayWait === true || isWaiting(exchange) }
  const fetched = fetching.fetch(exchange.target, isbn, old, asker)
  if (mayWait) {
    // Whoever asks next asks again.
    fetched.outcome.catch(() => undefined)
    return stale('revalidating')
  }
  counts.misses++
  const outcome = await within(fetched.outcome, old === undefined ? undefined : patienceMs)
  if (outcome.kind === 'entry') {
    const why = old === undefined ? 'uri-miss' : 'stale'
    sendEntry(exchange, outcome.entry, { kind: 'fetched', why, collapsed: fetched.collapsed }, clock.now())
  } else if (old !== undefined && (outcome.kind !== 'other' || outcome.answer.status >= 500))
    stale(outcome.kind === 'late' || outcome.kind === 'refused' ? 'origin-slow' : 'origin-away')
  else if (outcome.kind === 'other') sendOther(exchange, outcome.answer)
  else if (outcome.kind === 'refused') refuse(exchange, outcome.problem)
  else passOn()
}

type Outcome = Awaited<ReturnType<Fetching['fetch']>['outcome']>

type None = { kind: 'late' } | { kind: 'away' } | { kind: 'refused'; problem: Problem }

async function within(fetched: Promise<Outcome>, ms: number | undefined): Promise<Outcome | None> {
  // Whoever asks is told by the age of what they get.
  const answered = fetched.catch(
    (error: unknown): None =>
      error instanceof Problem ? { kind: 'refused', problem: error } : { kind: 'away' },
  )
  if (ms === undefined) return answered
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ kind: 'late' }>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'late' }), ms)
  })
  return await Promise.race([answered, late]).finally(() => clearTimeout(timer))
}

/** An answer that is not kept, such as that there is no such book. */
function sendOther(exchange: Exchange, { status, headers, body }: OriginAnswer): void {
  const { request, response } = exchange
  if (response.headersSent || response.destroyed) return
  const own = ownHeaders(exchange)
  for (const name of ['content-type', 'cache-control', 'retry-after', 'etag', 'link']) {
    const value = headers[name]
    if (typeof value === 'string') own.push(name, value)
  }
  response.writeHead(status, [...own, 'content-length', String(body.length)])
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Whether the answer cannot depend on who asks, and is asked for whole. */
function isForEverybody({ request, target }: Exchange): boolean {
  const { headers, method } = request
  if (method !== 'GET' && method !== 'HEAD') return false
  if (headers.authorization !== undefined || headers.range !== undefined) return false
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false
  if (headers['if-match'] !== undefined || target.length > targetCharactersMax) return false
  return !(headers.cookie ?? '').includes(sessionCookie)
}

function isbnOf([text]: readonly string[]): string | undefined {
  const parsed = text === undefined ? undefined : parseIsbn(text)
  return parsed?.kind === 'ok' ? parsed.isbn : undefined
}

/** The keys of the shared level that tell of one book; lists there end by their age. */
const sharedKeys = (isbn: string) => [`/api/books/${isbn}`, `/api/books/${isbn}/availability`]
