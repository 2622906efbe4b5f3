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

function deliver(
  message: { topic: string; payload: unknown },
  { onOrders, onStock, onCatalogue }: FeedOptions,
): void {
  if (message.topic === orderChangedTopic) onOrders(message.payload as OrderChanged)
  else if (message.topic === stockChangedTopic) onStock(message.payload as StockChanged)
  else if (message.topic === catalogueChangedTopic) onCatalogue(message.payload as CatalogueChanged)
}
