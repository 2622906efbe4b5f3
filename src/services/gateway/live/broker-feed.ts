import { backoffMs } from '#kernel/backoff'
import { type Broker, openBroker } from '#ports/broker'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import {
  type CatalogueChanged,
  catalogueChangedTopic,
  type StockChanged,
  stockChangedTopic,
} from '#services/catalog'
import { type OrderChanged, orderChangedTopic } from '#services/orders'

const log = logger('live')

export type FeedOptions = {
  url: string
  clock: Clock
  onOrders: (message: OrderChanged) => void
  onStock: (message: StockChanged) => void
  onCatalogue: (message: CatalogueChanged) => void
}

const retryMaxMs = 5_000
/** What OrderDb can keep; more would keep a page from what comes after it. */
const versionMax = 2 ** 31 - 1

/** Listens to the broker for as long as it is open; a broker that is away is tried again until it comes. */
export function openBrokerFeed(options: FeedOptions): AsyncDisposable {
  const { clock, url } = options
  const stop = new AbortController()
  let broker: Broker | undefined
  const opening = (async () => {
    for (let failures = 0; !stop.signal.aborted; failures++) {
      try {
        broker = await openBroker(url, { applicationName: 'octavo-gateway' })
        await broker.listen([orderChangedTopic, stockChangedTopic, catalogueChangedTopic], async (message) =>
          deliver(message, options),
        )
        return
      } catch (error) {
        await broker?.[Symbol.asyncDispose]()
        broker = undefined
        if (failures === 0) log.warn('the broker is away, live pages are slower', { error })
        await clock
          .sleep(200 + backoffMs(failures, clock.random(), 200, retryMaxMs), stop.signal)
          // Called off when the gateway closes, which the loop then sees.
          .catch(() => {})
      }
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await opening
      await broker?.[Symbol.asyncDispose]()
    },
  }
}

type Sinks = Pick<FeedOptions, 'onOrders' | 'onStock' | 'onCatalogue'>

/**
 * Hands on what a message tells. One that cannot be read, of a later version for instance, may have told of any book; an
 * order's page finds out by itself.
 */
export function deliver(
  { topic, payload }: { topic: string; payload: unknown },
  { onOrders, onStock, onCatalogue }: Sinks,
): void {
  if (topic === orderChangedTopic && isOrders(payload)) onOrders(payload)
  else if (topic === stockChangedTopic && isStock(payload)) onStock(payload)
  else if (topic === catalogueChangedTopic && isCatalogue(payload)) onCatalogue(payload)
  else {
    log.warn('news has a form that this version cannot read', { topic })
    if (topic !== orderChangedTopic) onCatalogue({ isbns: null })
  }
}

type Unread = Readonly<Record<string, unknown>>
const of = (value: unknown): Unread => (typeof value === 'object' && value !== null ? (value as Unread) : {})
const isListOf = (value: unknown, isOne: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isOne)
const isText = (value: unknown) => typeof value === 'string'

const isOrders = (payload: unknown): payload is OrderChanged =>
  isListOf(
    of(payload).orders,
    (order) =>
      isText(of(order).id) && Number.isInteger(of(order).version) && Number(of(order).version) <= versionMax,
  )
const isStock = (payload: unknown): payload is StockChanged =>
  isListOf(of(payload).books, (book) => isText(of(book).isbn) && isText(of(book).status))
const isCatalogue = (payload: unknown): payload is CatalogueChanged =>
  of(payload).isbns === null || isListOf(of(payload).isbns, isText)
