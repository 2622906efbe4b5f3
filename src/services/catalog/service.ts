import type { Config, Secrets } from '#config'
import { openBroker } from '#ports/broker'
import { type Clock, systemClock } from '#ports/clock'
import { type Database, openDatabase, startOutboxRelay } from '#ports/database'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type ServiceClient, type StaffMember, serviceClient } from '#ports/http'
import { createService, type Service } from '#process/service-shell'
import { resolveDecision } from '#services/orders'
import { authenticateStaff } from './authenticate-staff.ts'
import { watchSalesOpening } from './books/sales-opening.ts'
import { createImports } from './import/imports.ts'
import { migrationsFolder } from './migrations.ts'
import { addRoutes } from './routes.ts'
import { loadSample } from './sample/load-sample.ts'
import { addStockRoutes } from './stock/routes.ts'
import { createStockStore } from './store/postgres/stock.ts'
import type { StockStore } from './store/stock-store.ts'

// What `octavo import` needs, which works on BookDb beside the running service.
export {
  type ImportCounts,
  type ImportFault,
  importDefaults,
  importFile,
  UnreadableFile,
} from './import/import-file.ts'

export type CatalogOverrides = {
  clock?: Clock
  /** Stands in for asking orders whose a session is. */
  authenticateStaff?: (token: string) => Promise<StaffMember | undefined>
}

/** An import may be a gigabyte on a slow line; the gateway bounds everything else. */
const importTimeoutMs = 60 * 60_000
/** A whole group may ask at once: a thousand orders of twenty lines each. The gateway lets far less in from outside. */
const bodyBytesMax = 8 * 1024 * 1024
const connectionsMax = 8
/** A title whose transaction is in doubt is free again before this; see doubtAfterMs. */
const lockTimeoutMs = 2_500
const resolveDeadlineMs = 2_000

/** The book service: books, search, covers, imports and the stock that orders are taken from. Owns BookDb. */
export async function createCatalog(
  config: Config,
  { secret, bookDb, broker: brokerUrl }: Secrets<'secret' | 'bookDb' | 'broker'>,
  overrides: CatalogOverrides = {},
): Promise<Service> {
  const { clock = systemClock } = overrides
  return createService({ name: 'catalog', config, clock }, async (opened) => {
    const database = opened.use(await openDatabase(bookDb, { applicationName: 'catalog', connectionsMax }))
    const broker = opened.use(await openBroker(brokerUrl, { applicationName: 'catalog' }))
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret, clock }))
    const client = opened.use(serviceClient({ discovery, secret }))
    const store = await openStock(bookDb, opened)
    return {
      discovery,
      schema: { database, name: 'catalog', folder: migrationsFolder },
      async serve(resources) {
        if (config.catalog.demo) await loadSample(database, clock)
        const relay = resources.use(startOutboxRelay({ database, schema: 'catalog', broker, clock }))
        const onChanged = () => relay.ring()
        resources.use(watchSalesOpening(database, clock, onChanged))
        const imports = resources.use(createImports(database, clock))
        const server = createHttpServer({
          name: 'catalog',
          requestTimeoutMs: importTimeoutMs,
          bodyBytesMax,
          secret,
          authenticateStaff: overrides.authenticateStaff ?? ((token) => authenticateStaff(client, token)),
          ready: () => answers(database),
        })
        addRoutes({ server, database, clock, imports, onChanged })
        const resolve = (id: string) => decisionOn(client, id)
        resources.use(addStockRoutes({ store, server, clock, resolve, onChanged }))
        return server
      },
    }
  })
}

async function openStock(bookDb: string, opened: AsyncDisposableStack): Promise<StockStore> {
  // Connections of its own: no search keeps a sale waiting, and its few statements are planned once.
  const options = { applicationName: 'stock', connectionsMax: 4, lockTimeoutMs, planOnce: true }
  const database = opened.use(await openDatabase(bookDb, options))
  // And so have the ends of transactions, which those who prepare may be waiting for.
  const finishing = opened.use(
    await openDatabase(bookDb, { applicationName: 'stock-finishing', connectionsMax: 2 }),
  )
  return createStockStore(database, finishing.prepared)
}

async function decisionOn(client: ServiceClient, id: string) {
  const options = { params: { id }, deadlineMs: resolveDeadlineMs }
  return (await client.call('orders', resolveDecision, options)).decision
}

const answers = (database: Database) =>
  database.query('select 1').then(
    () => true,
    // That it does not is the answer.
    () => false,
  )
