import { type Config, needed } from '#config'
import { openBroker } from '#ports/broker'
import { type Clock, systemClock } from '#ports/clock'
import { migrate, openDatabase, startOutboxRelay } from '#ports/database'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type StaffMember, serviceClient } from '#ports/http'
import { resolveDecision } from '#services/orders'
import { authenticateStaff } from './authenticate-staff.ts'
import { watchSalesOpening } from './books/sales-opening.ts'
import { createImports } from './import/imports.ts'
import { migrationsFolder } from './migrations.ts'
import { addRoutes } from './routes.ts'
import { loadSample } from './sample/load-sample.ts'
import { addStockRoutes } from './stock/routes.ts'
import { createStockStore } from './store/postgres/stock.ts'

// What `octavo import` needs, which works on BookDb beside the running service.
export {
  type ImportCounts,
  type ImportFault,
  importDefaults,
  importFile,
  UnreadableFile,
} from './import/import-file.ts'

export type Catalog = AsyncDisposable & { start(): Promise<void>; readonly url: string }
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
export async function createCatalog(config: Config, overrides: CatalogOverrides = {}): Promise<Catalog> {
  const { clock = systemClock } = overrides
  const secret = needed(config, 'secret')
  const databaseUrl = needed(config, 'bookDbUrl')
  await using opened = new AsyncDisposableStack()
  const database = opened.use(await openDatabase(databaseUrl, { applicationName: 'catalog', connectionsMax }))
  // Connections of its own: no search keeps a sale waiting, and its few statements are planned once.
  const stock = opened.use(
    await openDatabase(databaseUrl, {
      applicationName: 'stock',
      connectionsMax: 4,
      lockTimeoutMs,
      planOnce: true,
    }),
  )
  // And so have the ends of transactions, which those who prepare may be waiting for.
  const finishing = opened.use(
    await openDatabase(databaseUrl, { applicationName: 'stock-finishing', connectionsMax: 2 }),
  )
  const broker = opened.use(await openBroker(config.brokerUrl, { applicationName: 'catalog' }))
  const discovery = opened.use(await openDiscovery(config.discoveryUrl, { secret, clock }))
  const client = opened.use(serviceClient({ discovery, secret }))
  const resources = opened.move()
  let url = ''

  return {
    get url() {
      return url
    },
    async start() {
      await migrate(database, migrationsFolder, 'catalog')
      if (config.demo) await loadSample(database, clock)
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
        ready: () =>
          database.query('select 1').then(
            () => true,
            () => false,
          ),
      })
      addRoutes({ server, database, clock, imports, onChanged })
      resources.use(
        addStockRoutes({
          server,
          store: createStockStore(stock, finishing.prepared),
          clock,
          resolve: async (id) => {
            const { decision } = await client.call('orders', resolveDecision, {
              params: { id },
              deadlineMs: resolveDeadlineMs,
            })
            return decision
          },
          onChanged,
        }),
      )
      resources.use(server)
      url = await server.listen({ host: config.serviceHost, port: config.servicePort })
      const { version } = config
      // Disposed first, because it was added last: nobody is sent here once this begins to end.
      resources.use(await discovery.register({ service: 'catalog', id: clock.uuid(), url, version }))
    },
    async [Symbol.asyncDispose]() {
      await resources.disposeAsync()
    },
  }
}
