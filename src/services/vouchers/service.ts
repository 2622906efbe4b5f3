import type { Config, Secrets } from '#config'
import { type Broker, openBroker, subscribeSoon, watchQueues } from '#ports/broker'
import { type Clock, systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { answer, createHttpServer, type ServiceClient, serviceClient } from '#ports/http'
import { logger } from '#ports/log'
import {
  type ObjectCreated,
  type ObjectStore,
  objectCreatedTopic,
  openObjectStore,
} from '#ports/object-store'
import { showFaults, struck } from '#process/fault-switches'
import { createService, type Service } from '#process/service-shell'
import { getVoucherStatus } from '#services/orders'
import { readWebhook } from './bucket-webhook.ts'
import {
  bucketNotifiedTopic,
  clearDrawingLetters,
  codeOfVoucherObject,
  getObject,
  getVoucherWork,
  noteObjects,
  type ObjectMissing,
  objectMissingTopic,
  queues,
  requestVouchers,
  type VoucherData,
  type VouchersWanted,
  vouchersWantedTopic,
} from './contract.ts'
import { openCovers } from './covers.ts'
import { type DrawingPool, openDrawingPool } from './drawing-pool.ts'
import { handleDownload } from './get-object.ts'
import { createQueueMetrics } from './queue-metrics.ts'
import { startRenderQueue } from './render-queue.ts'
import { handleVouchers } from './request-vouchers.ts'
import { watchStore } from './store-watch.ts'
import { takeWanted, type WantedOptions } from './take-wanted.ts'

export { drawOnce } from './draw-once.ts'

const log = logger('vouchers')

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
export async function createVouchers(
  config: Config,
  {
    secret,
    broker: brokerUrl,
    objectStore,
    metricsToken,
  }: Secrets<'secret' | 'broker' | 'objectStore' | 'metricsToken'>,
  overrides: VouchersOverrides = {},
): Promise<Service> {
  const { clock = systemClock, queueMax = 20_000 } = overrides
  const openStore =
    overrides.openStore ?? ((onCreated) => openObjectStore(objectStore, { secret, onCreated }))
  return createService({ name: 'vouchers', config, clock }, async (opened) => {
    showFaults('vouchers', config.faults)
    const broker = opened.use(await openBroker(brokerUrl, { applicationName: 'vouchers' }))
    const store = opened.use(
      await openStore(async (created) => {
        if (config.faults.includes('lost-notifications')) return struck('lost-notifications')
        await broker.publish([{ topic: objectCreatedTopic, payload: created }])
      }),
    )
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret, clock }))
    return {
      discovery,
      async serve(resources) {
        const client = resources.use(serviceClient({ discovery, secret }))
        const covers = openCovers(discovery, clock, secret)
        const metrics = createQueueMetrics()
        const watch = watchStore(clock)
        const pool = faultyPool(resources.use(openDrawingPool(config.publicUrl)), config.faults)
        const onUndrawable = (voucher: VoucherData) => publishWanted(broker, voucher)
        const queue = resources.use(
          startRenderQueue({ pool, covers, store, watch, clock, queueMax, metrics, onUndrawable }),
        )
        metrics.observe(() => queue.size, watch.fault)
        resources.use(await shareQueue({ broker, pool, covers, store, watch }, clock))
        const server = createHttpServer({
          name: 'vouchers',
          secret,
          metricsToken,
          bodyBytesMax,
          meter: metrics.meter,
        })
        server.add(requestVouchers, async ({ body }) =>
          answer(202, await handleVouchers(body.vouchers, { store, watch, queue, clock })),
        )
        const watched = watchQueues(broker, queues)
        server.add(getVoucherWork, async () => ({
          drawing: queue.size,
          // A broker that is away shows by its own alert; what is drawn is shown all the same.
          queues: await watched.states().catch(() => []),
        }))
        server.add(clearDrawingLetters, async ({ params, body }) => ({
          cleared: await watched.clear(params.queue, body.ids, body.fate),
        }))
        server.add(noteObjects, async ({ query, bearer, body }) => {
          const created = readWebhook(secret, { signature: query.signature, bearer, body })
          // As the bucket said it: who takes it looks whether the objects are there.
          if (created.length > 0) await broker.publish([{ topic: bucketNotifiedTopic, payload: body }])
          return answer(204)
        })
        server.add(getObject, async ({ params, query, headers }) =>
          handleDownload(store, {
            link: { key: params.key, expires: query.expires, signature: query.signature },
            ifNoneMatch: headers['if-none-match'],
            secret,
            nowMs: clock.now(),
            isRevoked: (key) => isRevoked(client, key),
            // It may be lost: whoever sweeps the vouchers comes by later.
            onMissing: (key) =>
              void broker
                .publish([{ topic: objectMissingTopic, payload: { key } satisfies ObjectMissing }])
                .catch((error: unknown) => log.debug('nobody was told of a missing voucher', { error })),
          }),
        )
        return server
      },
    }
  })
}

function faultyPool(pool: DrawingPool, faults: Config['faults']): DrawingPool {
  if (!faults.includes('failing-pdf')) return pool
  return {
    get threads() {
      return pool.threads
    },
    draw() {
      struck('failing-pdf')
      return Promise.reject(new Error('not drawn, by a fault switch'))
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

const statusDeadlineMs = 1_000

/** A link outlives its voucher. While orders is away it still opens: the till asks again, and refuses. */
async function isRevoked(client: ServiceClient, key: string): Promise<boolean> {
  const code = codeOfVoucherObject(key)
  if (code === undefined) return false
  const options = { params: { code }, deadlineMs: statusDeadlineMs }
  return await client.call('orders', getVoucherStatus, options).then(
    ({ status }) => status === 'revoked',
    // It opens while orders is away.
    () => false,
  )
}

/** Takes from the queue that all generators share, beside what this one is asked for directly. */
async function shareQueue(
  { broker, ...drawing }: Omit<WantedOptions, 'stop'> & { broker: Broker },
  clock: Clock,
): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const handler = takeWanted({ ...drawing, stop: stop.signal })
  const subscription = await subscribeSoon(broker, 'vouchers-draw', [vouchersWantedTopic], handler, clock)
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await subscription[Symbol.asyncDispose]()
    },
  }
}

/** On the queue it is tried again, and then kept with the reason for somebody to look at. */
function publishWanted(broker: Broker, voucher: VoucherData): void {
  const payload: VouchersWanted = { vouchers: [voucher] }
  // It may be lost: orders asks for what is missing until it is there.
  void broker
    .publish([{ topic: vouchersWantedTopic, payload }])
    .catch((error: unknown) => log.debug('nobody was told of a voucher that cannot be drawn', { error }))
}
