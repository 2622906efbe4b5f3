import { createPrivateKey, type KeyObject } from 'node:crypto'
import { type Config, ConfigError, type Secrets } from '#config'
import { createPace } from '#kernel/pace'
import { type Broker, openBroker, subscribeSoon, watchQueues } from '#ports/broker'
import { type Clock, every, systemClock } from '#ports/clock'
import { type Database, openDatabase, openReads, startOutboxRelay } from '#ports/database'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type HttpServer, serviceClient } from '#ports/http'
import { inRounds, openTurns, type Turns } from '#ports/lease'
import { logger } from '#ports/log'
import { objectCreatedTopic, openObjectStore } from '#ports/object-store'
import { openPayment, type Payment } from '#ports/payment'
import { watchDatabase } from '#process/database-watch'
import { faultyPayment, showFaults } from '#process/fault-switches'
import { createService, type Service } from '#process/service-shell'
import { queues } from '#services/orders'
import { bucketNotifiedTopic, objectMissingTopic } from '#services/vouchers'
import { addAgentRoutes } from './agent-routes.ts'
import { addCancelRoute } from './cancel-order.ts'
import { addLettersRoute } from './clear-letters.ts'
import type { Context } from './context.ts'
import { addErasureRoute } from './erasure/erasure-route.ts'
import { keepCustomers } from './erasure/keep-customers.ts'
import { keepPdfs } from './erasure/keep-pdfs.ts'
import { expireOrders } from './expire-orders.ts'
import { gather } from './gathered.ts'
import { listOrdersBehind } from './list-behind.ts'
import { migrationsFolder } from './migrations.ts'
import { keepHotSmall } from './old/keep-hot-small.ts'
import { addPayRoute } from './pay-order.ts'
import { addReadRoutes } from './read-orders.ts'
import { addVoucherRoutes } from './redeem-voucher.ts'
import { repeat } from './repeat.ts'
import { createdIn, ObjectMissingMessage, readPayload } from './saga/messages.ts'
import { noteStoredVouchers, thoseThere } from './saga/note-stored-voucher.ts'
import { createVoucherSweep, redrawMissing } from './saga/redraw-vouchers.ts'
import { probeFailing } from './saga/try-again.ts'
import { createSagaWorker } from './saga/worker.ts'
import { ensureFirstAccount } from './staff/accounts.ts'
import { addStaffRoutes } from './staff/routes.ts'
import { memberOf } from './staff/sessions.ts'
import { watchState } from './state-metrics.ts'
import { addKeyRoute } from './voucher-key.ts'

const log = logger('orders')

export type OrdersOverrides = { clock?: Clock }

const connectionsMax = 8
/** Groups of orders come whole: a thousand of them with long names and twenty lines each. */
const bodyBytesMax = 32 * 1024 * 1024
/** In a rush sagas are claimed many at a time. */
const sagaPace = createPace({ calmPerSecond: 10, calmMs: 0, rushMs: 150, enough: 64 })
/** The index for staff never takes more than a share of a rush. */
const listPace = createPace({ calmPerSecond: 0, calmMs: 0, rushMs: 250 })
const pollEveryMs = 1_000
/** What was away and is back is found out so soon. */
const probeEveryMs = 2_000
/** A hundred vouchers every few seconds, a minute's rest after the last of them. */
const sweepEveryMs = 5_000
const sweepRestMs = 60_000

type OrdersSecrets = Secrets<
  | 'secret'
  | 'orderDb'
  | 'broker'
  | 'objectStore'
  | 'payment'
  | 'voucherKey'
  | 'staffPassword'
  | 'metricsToken'
>

/** The order service: orders, customers, vouchers, redemption, sagas and the log of decisions. Owns OrderDb. */
export async function createOrders(
  config: Config,
  secrets: OrdersSecrets,
  { clock = systemClock }: OrdersOverrides = {},
): Promise<Service> {
  const { secret, orderDb } = secrets
  const voucherKey = privateKey(secrets.voucherKey)
  return createService({ name: 'orders', config, clock }, async (opened) => {
    const options = { applicationName: 'orders', connectionsMax, planOnce: true }
    const database = opened.use(await openDatabase(orderDb, options))
    const reads = opened.use(
      await openReads(orderDb, database, { applicationName: 'orders-reads', planOnce: true }),
    )
    // Connections of their own: no list of the staff keeps a sale waiting.
    const ownConnections = { applicationName: 'decisions', connectionsMax: 4, planOnce: true }
    const decisions = opened.use(await openDatabase(orderDb, ownConnections))
    const broker = opened.use(await openBroker(secrets.broker, { applicationName: 'orders' }))
    showFaults('orders', config.faults)
    const faulty = (provider: Payment) => faultyPayment(provider, config.faults, clock.sleep)
    const payment = opened.use(await openPayment(secrets.payment, faulty))
    const objects = opened.use(await openObjectStore(secrets.objectStore, { secret }))
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret, clock }))
    const client = opened.use(serviceClient({ discovery, secret }))
    return {
      discovery,
      schema: { database, name: 'orders', folder: migrationsFolder },
      async serve(resources) {
        await ensureFirstAccount(database, config.staff.email, secrets.staffPassword)
        const relay = resources.use(startOutboxRelay({ database, schema: 'orders', broker, clock }))
        const context: Context = {
          ...{ config, clock, database, reads, client, objects, payment, voucherKey },
          gathered: gather({ database, client, clock, broker }),
          queues: watchQueues(broker, queues),
          newsDue: () => relay.ring(),
          sagaDue: () => sagas.wake(),
        }
        const worker = resources.use(createSagaWorker(context))
        const sagas = resources.use(repeat('sagas', worker.work, pollEveryMs, sagaPace))
        resources.use(every(clock, probeEveryMs, () => probeFailing(context)))
        resources.use(repeat('lists', () => listOrdersBehind(database), pollEveryMs, listPace))
        resources.use(repeat('expiry', () => expireOrders(context), pollEveryMs))
        resources.use(await followVouchers(broker, context))
        resources.use(await followMissing(broker, context))
        const turns = resources.use(
          await openTurns({ discoveryUrl: config.discovery.url, database, schema: 'orders', clock }),
        )
        resources.use(sweepVouchers(context, turns))
        resources.use(watchState(database, clock))
        resources.use(keepPdfs({ database, objects, clock }, turns, config.orders.voucherDays))
        resources.use(keepHotSmall(database, clock, turns, config.orders.hotDays))
        resources.use(keepCustomers({ database, objects, clock }, turns, config.orders.customerDays))
        const server = createHttpServer({
          name: 'orders',
          secret,
          metricsToken: secrets.metricsToken,
          bodyBytesMax,
          authenticateStaff: (token) => memberOf(database, token),
          ready: () => answers(database),
        })
        resources.use(watchDatabase({ role: 'orders', name: 'order-db', url: orderDb, clock, server }))
        addAgentRoutes(server, { ...context, database: decisions })
        addRoutes(server, context)
        addStaffRoutes(server, context, secret)
        addErasureRoute(server, context, secret)
        addLettersRoute(server, context)
        return server
      },
    }
  })
}

function addRoutes(server: HttpServer, context: Context): void {
  addReadRoutes(server, context)
  addPayRoute(server, context)
  addCancelRoute(server, context)
  addVoucherRoutes(server, context)
  addKeyRoute(server, context)
}

/**
 * The bucket's notifications, through a queue of our own: each voucher stored wakes the saga that waits for it. What
 * `vouchers` tells of it has put there itself; what others say is looked for.
 */
async function followVouchers(broker: Broker, context: Context): Promise<AsyncDisposable> {
  const note = noteStoredVouchers(context)
  return await subscribeSoon(
    broker,
    'orders-vouchers',
    [objectCreatedTopic, bucketNotifiedTopic],
    async (message) => {
      const created = await createdIn(message)
      const there = message.topic === bucketNotifiedTopic ? await thoseThere(context, created) : created
      await Promise.all(there.map(note))
    },
    context.clock,
  )
}

/** Downloads that found nothing: what should be there is drawn again. */
async function followMissing(broker: Broker, context: Context): Promise<AsyncDisposable> {
  return await subscribeSoon(
    broker,
    'orders-missing',
    [objectMissingTopic],
    async (message) => redrawMissing(context, await readPayload(ObjectMissingMessage, message)),
    context.clock,
  )
}

/** Looks for vouchers whose PDF is gone, a page at a time, and rests after each walk over all of them. */
function sweepVouchers(context: Context, turns: Turns): AsyncDisposable {
  const { clock } = context
  return turns.take('sweeper', async (fence, lost) => {
    const sweep = createVoucherSweep(context, fence)
    let restUntilMs = 0
    await inRounds(clock, sweepEveryMs, lost, async () => {
      if (clock.monotonicMs() < restUntilMs) return
      const { walked, missing } = await sweep()
      if (missing > 0) log.warn('vouchers had lost their PDF and are drawn again', { missing })
      if (walked) restUntilMs = clock.monotonicMs() + sweepRestMs
    })
  })
}

const answers = (database: Database) =>
  database.query('SELECT 1', []).then(
    () => true,
    // That it does not is the answer.
    () => false,
  )

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new ConfigError('OCTAVO_VOUCHER_KEY: the file holds no private key in PEM form', { cause })
  }
}
