import type { Config, Secrets } from '#config'
import { openBroker } from '#ports/broker'
import { type Clock, systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type ServiceClient, type StaffMember, serviceClient } from '#ports/http'
import { openTurns } from '#ports/lease'
import { watchDatabase } from '#process/database-watch'
import { showFaults, slowReads } from '#process/fault-switches'
import { createService, type Service } from '#process/service-shell'
import { resolveDecision } from '#services/orders'
import { authenticateStaff } from './authenticate-staff.ts'
import { watchPrices } from './books/price-changes.ts'
import { watchSalesOpening } from './books/sales-opening.ts'
import { tellOfOthers } from './changes/tell-of-others.ts'
import type { FetchOverrides } from './cover/fetch-picture.ts'
import { createImports } from './import/imports.ts'
import { addRoutes } from './routes.ts'
import { createMisses } from './search/note-misses.ts'
import { keepKeysCurrent } from './search/renew-keys.ts'
import { watchState } from './state-metrics.ts'
import { createRecovery } from './stock/recovery.ts'
import { addStockRoutes } from './stock/routes.ts'
import { openStore } from './store/open-store.ts'

export { type ExportFormat, exportFile, exportFormats } from './export/export-books.ts'
// What `octavo import` needs, which works on BookDb beside the running service.
export {
  coversOptions,
  type FileImport,
  type ImportCounts,
  type ImportFault,
  importDefaults,
  importFile,
  stockOptions,
  UnreadableFile,
} from './import/import-file.ts'
export { reportLines } from './import/report-lines.ts'

export type CatalogOverrides = {
  clock?: Clock
  /** Stands in for asking orders whose a session is. */
  authenticateStaff?: (token: string) => Promise<StaffMember | undefined>
  /** Stands in for the world that pictures of covers are fetched from. */
  pictures?: FetchOverrides
}

/** An import may be a gigabyte on a slow line; the gateway bounds everything else. */
const importTimeoutMs = 60 * 60_000
/** A whole group may ask at once: a thousand orders of twenty lines each. The gateway lets far less in from outside. */
const bodyBytesMax = 8 * 1024 * 1024
/** A title whose transaction is in doubt is free again before this; see doubtAfterMs. */
const lockTimeoutMs = 2_500
const resolveDeadlineMs = 2_000

/** The book service: books, search, covers, imports and the stock that orders are taken from. Owns BookDb. */
export async function createCatalog(
  config: Config,
  {
    secret,
    bookDb,
    broker: brokerUrl,
    metricsToken,
  }: Secrets<'secret' | 'bookDb' | 'broker' | 'metricsToken'>,
  overrides: CatalogOverrides = {},
): Promise<Service> {
  const { clock = systemClock } = overrides
  return createService({ name: 'catalog', config, clock }, async (opened) => {
    showFaults('catalog', config.faults)
    const store = opened.use(await openStore(bookDb, { applicationName: 'catalog', lockTimeoutMs }))
    const reads = slowReads(store.reads, config.faults, clock.sleep)
    const broker = opened.use(await openBroker(brokerUrl, { applicationName: 'catalog' }))
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret, clock }))
    const client = opened.use(serviceClient({ discovery, secret }))
    const resolve = (id: string) => decisionOn(client, id)
    return {
      discovery,
      schema: { ...store.schema, recover: createRecovery({ participant: store.stock, resolve, clock }) },
      async serve(resources) {
        if (config.catalog.demo)
          await (await import('./sample/load-sample.ts')).loadSample(store.books, clock)
        const news = resources.use(store.carryNews(broker, clock))
        const onChanged = () => news.ring()
        const { database, name: schema } = store.schema
        const turns = resources.use(
          await openTurns({ discoveryUrl: config.discovery.url, database, schema, clock }),
        )
        resources.use(tellOfOthers(store, broker, clock))
        resources.use(keepKeysCurrent(store.books, clock))
        resources.use(watchState(store, clock))
        resources.use(watchSalesOpening(store.books, turns, clock, onChanged))
        resources.use(watchPrices(store.books, clock, onChanged))
        const imports = resources.use(createImports(store, clock, config.shop, overrides.pictures))
        const misses = resources.use(createMisses(store.misses, clock, config.catalog.searchDays))
        const server = createHttpServer({
          name: 'catalog',
          requestTimeoutMs: importTimeoutMs,
          bodyBytesMax,
          secret,
          metricsToken,
          authenticateStaff: overrides.authenticateStaff ?? ((token) => authenticateStaff(client, token)),
          ready: () => store.isReady(),
        })
        resources.use(watchDatabase({ role: 'catalog', name: 'book-db', url: bookDb, clock, server }))
        addRoutes({
          server,
          books: store.books,
          pictures: store.pictures,
          reads,
          misses,
          clock,
          imports,
          onChanged,
        })
        resources.use(addStockRoutes({ store: store.stock, server, clock, resolve, onChanged }))
        return server
      },
    }
  })
}

async function decisionOn(client: ServiceClient, id: string) {
  const options = { params: { id }, deadlineMs: resolveDeadlineMs }
  return (await client.call('orders', resolveDecision, options)).decision
}
