import { type Config, needed } from '#config'
import { openBroker } from '#ports/broker'
import { type Clock, systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { answer, createHttpServer } from '#ports/http'
import {
  type ObjectCreated,
  type ObjectStore,
  objectCreatedTopic,
  openObjectStore,
} from '#ports/object-store'
import { getObject, type ObjectMissing, objectMissingTopic, requestVouchers } from './contract.ts'
import { openCovers } from './covers.ts'
import { openDrawingPool } from './drawing-pool.ts'
import { handleDownload } from './get-object.ts'
import { createQueueMetrics } from './queue-metrics.ts'
import { startRenderQueue } from './render-queue.ts'
import { handleVouchers } from './request-vouchers.ts'

export type Vouchers = AsyncDisposable & { start(): Promise<void>; readonly url: string }
export type VouchersOverrides = {
  clock?: Clock
  /** Vouchers that may wait to be drawn. */
  queueMax?: number
  /** Stands in for the store of OCTAVO_OBJECT_STORE. */
  openStore?: (onCreated: (created: ObjectCreated) => Promise<void>) => Promise<ObjectStore>
}

/** A request may bring 5000 vouchers with long names. */
const bodyBytesMax = 16 * 1024 * 1024

/** The voucher generator: order → PDF → object store → notification, and the downloads of what it stored. */
export async function createVouchers(config: Config, overrides: VouchersOverrides = {}): Promise<Vouchers> {
  const { clock = systemClock, queueMax = 20_000 } = overrides
  const secret = needed(config, 'secret')
  const openStore =
    overrides.openStore ?? ((onCreated) => openObjectStore(config.objectStoreUrl, { secret, onCreated }))
  await using opened = new AsyncDisposableStack()
  const broker = opened.use(await openBroker(config.brokerUrl, { applicationName: 'vouchers' }))
  const store = opened.use(
    await openStore((created) => broker.publish([{ topic: objectCreatedTopic, payload: created }])),
  )
  const discovery = opened.use(await openDiscovery(config.discoveryUrl, { secret, clock }))
  const covers = openCovers(discovery, clock)
  const metrics = createQueueMetrics()
  const pool = opened.use(openDrawingPool(config.publicUrl))
  const queue = opened.use(startRenderQueue({ pool, covers, store, clock, queueMax, metrics }))
  const server = opened.use(
    createHttpServer({ name: 'vouchers', secret, bodyBytesMax, metrics: () => metrics.text(queue.size) }),
  )
  server.add(requestVouchers, async ({ body }) =>
    answer(202, await handleVouchers(body.vouchers, store, queue)),
  )
  server.add(getObject, async ({ params, query, headers }) =>
    handleDownload(store, {
      link: { key: params.key, expires: query.expires, signature: query.signature },
      ifNoneMatch: headers['if-none-match'],
      secret,
      nowMs: clock.now(),
      // It may be lost: whoever sweeps the vouchers comes by later.
      onMissing: (key) =>
        void broker
          .publish([{ topic: objectMissingTopic, payload: { key } satisfies ObjectMissing }])
          .catch(() => undefined),
    }),
  )
  const resources = opened.move()
  let url = ''

  return {
    get url() {
      return url
    },
    async start() {
      url = await server.listen({ host: config.serviceHost, port: config.servicePort })
      const { version } = config
      // Disposed first, because it was added last: nobody is sent here once this begins to end.
      resources.use(await discovery.register({ service: 'vouchers', id: clock.uuid(), url, version }))
    },
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync()
    },
  }
}
