import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Config, ConfigError, needed } from '#config'
import { type Broker, openBroker } from '#ports/broker'
import { type Clock, every, systemClock } from '#ports/clock'
import { migrate, openDatabase, startOutboxRelay } from '#ports/database'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type HttpServer, serviceClient } from '#ports/http'
import { type ObjectCreated, objectCreatedTopic, openObjectStore } from '#ports/object-store'
import { openPayment } from '#ports/payment'
import { type ObjectMissing, objectMissingTopic } from '#services/vouchers'
import { addAgentRoutes } from './agent-routes.ts'
import { addCancelRoute } from './cancel-order.ts'
import type { Context } from './context.ts'
import { expireOrders } from './expire-orders.ts'
import { gather } from './gathered.ts'
import { addPayRoute } from './pay-order.ts'
import { addReadRoutes } from './read-orders.ts'
import { addVoucherRoutes } from './redeem-voucher.ts'
import { repeat } from './repeat.ts'
import { noteStoredVouchers } from './saga/note-stored-voucher.ts'
import { createVoucherSweep, redrawMissing } from './saga/redraw-vouchers.ts'
import { createSagaWorker } from './saga/worker.ts'
import { ensureFirstAccount } from './staff/accounts.ts'
import { addStaffRoutes } from './staff/routes.ts'
import { memberOf } from './staff/sessions.ts'
import { addKeyRoute } from './voucher-key.ts'

export type Orders = AsyncDisposable & { start(): Promise<void>; readonly url: string }
export type OrdersOverrides = { clock?: Clock }

const connectionsMax = 8
/** Groups of orders come whole: a thousand of them with long names and twenty lines each. */
const bodyBytesMax = 32 * 1024 * 1024
const pollEveryMs = 1_000
/** A hundred vouchers every few seconds, a minute's rest after the last of them. */
const sweepEveryMs = 5_000
const sweepRestMs = 60_000

/** The order service: orders, customers, vouchers, redemption, sagas and the log of decisions. Owns OrderDb. */
export async function createOrders(config: Config, overrides: OrdersOverrides = {}): Promise<Orders> {
  const { clock = systemClock } = overrides
  const secret = needed(config, 'secret')
  const voucherKey = createPrivateKey(await readKey(config.voucherKeyPath))
  await using opened = new AsyncDisposableStack()
  const database = opened.use(
    await openDatabase(needed(config, 'orderDbUrl'), {
      applicationName: 'orders',
      connectionsMax,
      planOnce: true,
    }),
  )
  // Connections of their own: no list of the staff keeps a sale waiting.
  const decisions = opened.use(
    await openDatabase(needed(config, 'orderDbUrl'), {
      applicationName: 'decisions',
      connectionsMax: 4,
      planOnce: true,
    }),
  )
  const broker = opened.use(await openBroker(config.brokerUrl, { applicationName: 'orders' }))
  const payment = opened.use(await openPayment(config.paymentUrl))
  const objects = opened.use(await openObjectStore(config.objectStoreUrl, { secret }))
  const discovery = opened.use(await openDiscovery(config.discoveryUrl, { secret, clock }))
  const client = opened.use(serviceClient({ discovery, secret }))
  const resources = opened.move()
  let url = ''

  return {
    get url() {
      return url
    },
    async start() {
      await migrate(database, new URL('./migrations/', import.meta.url), 'orders')
      await ensureFirstAccount(database, config.staffEmail, config.staffPassword)
      const relay = resources.use(startOutboxRelay({ database, schema: 'orders', broker, clock }))
      const context: Context = {
        ...{ config, clock, database, client, objects, payment, voucherKey },
        gathered: gather({ database, client, clock }),
        announced: () => relay.ring(),
        sagaDue: () => sagas.wake(),
      }
      const worker = resources.use(createSagaWorker(context))
      const sagas = resources.use(repeat('sagas', worker.work, pollEveryMs))
      resources.use(repeat('expiry', () => expireOrders(context), pollEveryMs))
      resources.use(await followVouchers(broker, context))
      resources.use(await followMissing(broker, context))
      resources.use(sweepVouchers(context))
      const server = createHttpServer({
        name: 'orders',
        secret,
        bodyBytesMax,
        authenticateStaff: (token) => memberOf(database, token),
        ready: () =>
          database.query('SELECT 1', []).then(
            () => true,
            () => false,
          ),
      })
      addAgentRoutes(server, { ...context, database: decisions })
      addRoutes(server, context)
      resources.use(server)
      url = await server.listen({ host: config.serviceHost, port: config.servicePort })
      const instance = { service: 'orders', id: clock.uuid(), url, version: config.version }
      resources.use(await discovery.register(instance))
    },
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync()
    },
  }
}

function addRoutes(server: HttpServer, context: Context): void {
  addReadRoutes(server, context)
  addPayRoute(server, context)
  addCancelRoute(server, context)
  addVoucherRoutes(server, context)
  addKeyRoute(server, context)
  addStaffRoutes(server, context)
}

/** The bucket's notifications, through a queue of our own: each voucher stored wakes the saga that waits for it. */
async function followVouchers(broker: Broker, context: Context): Promise<AsyncDisposable> {
  const note = noteStoredVouchers(context)
  return await broker.subscribe('orders-vouchers', [objectCreatedTopic], ({ payload }) =>
    note(payload as ObjectCreated),
  )
}

/** Downloads that found nothing: what should be there is drawn again. */
async function followMissing(broker: Broker, context: Context): Promise<AsyncDisposable> {
  return await broker.subscribe('orders-missing', [objectMissingTopic], ({ payload }) =>
    redrawMissing(context, payload as ObjectMissing),
  )
}

/** Looks for vouchers whose PDF is gone, a page at a time, and rests after each walk over all of them. */
function sweepVouchers(context: Context): AsyncDisposable {
  const { clock } = context
  const sweep = createVoucherSweep(context)
  let restUntilMs = 0
  return every(clock, sweepEveryMs, async () => {
    if (clock.monotonicMs() < restUntilMs) return
    const { walked, missing } = await sweep()
    if (missing > 0) console.warn(`orders: ${missing} vouchers had lost their PDF and are drawn again`)
    if (walked) restUntilMs = clock.monotonicMs() + sweepRestMs
  })
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new ConfigError(`OCTAVO_VOUCHER_KEY: cannot read ${path}: ${(error as Error).message}`)
  }
}
