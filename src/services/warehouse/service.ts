import { join } from 'node:path'
import type { Config, Secrets } from '#config'
import { type Clock, systemClock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer, type StaffMember, serviceClient } from '#ports/http'
import { openTurns } from '#ports/lease'
import { openObjectStore } from '#ports/object-store'
import { createService, type Service } from '#process/service-shell'
import { introspectSession } from '#services/orders'
import { startLoader } from './engine/loader.ts'
import { createQueryEngine } from './engine/query-engine.ts'
import type { WarehouseSecrets } from './load-warehouse.ts'
import { addReportRoutes } from './report-routes.ts'
import { findEngine } from './store/duck.ts'

export { type Answered, byteOrderMark, type Format } from './engine/answer-query.ts'
export type { Loaded } from './load/load.ts'
export { loadWarehouse } from './load-warehouse.ts'
export { readReport } from './read-report.ts'
export type { Report } from './reports/report.ts'
export { reportNamed, reports } from './reports/reports.ts'

export type WarehouseOverrides = {
  clock?: Clock
  authenticateStaff?: (token: string) => Promise<StaffMember | undefined>
}

const sessionDeadlineMs = 2_000

/** Loads the warehouse from both databases every so often, and answers reports from it. */
export async function createWarehouse(
  config: Config,
  secrets: WarehouseSecrets & Secrets<'metricsToken'>,
  { clock = systemClock, ...overrides }: WarehouseOverrides = {},
): Promise<Service> {
  findEngine()
  const root = join(config.dataPath, 'warehouse')
  return createService({ name: 'warehouse', config, clock }, async (opened) => {
    const objects = opened.use(await openObjectStore(secrets.objectStore, { secret: secrets.secret }))
    const discovery = opened.use(await openDiscovery(config.discovery.url, { secret: secrets.secret, clock }))
    const client = opened.use(serviceClient({ discovery, secret: secrets.secret }))
    return {
      discovery,
      async serve(resources) {
        // Apart, so that nobody's own SQL keeps a report waiting.
        const reportEngine = resources.use(createQueryEngine(root, 'reports', clock))
        const queryEngine = resources.use(createQueryEngine(root, 'queries', clock, 'one'))
        const everyMs = config.warehouse.everyMs
        const { bookDb, orderDb, objectStore, secret } = secrets
        const database = resources.use(
          await openDatabase(orderDb, { applicationName: 'warehouse-turns', connectionsMax: 1 }),
        )
        const turns = resources.use(
          await openTurns({ discoveryUrl: config.discovery.url, database, schema: 'orders', clock }),
        )
        const given = { bookDb, orderDb, objectStore, secret }
        const loader = resources.use(startLoader({ secrets: given, root, objects, turns, clock, everyMs }))
        const server = createHttpServer({
          name: 'warehouse',
          secret,
          metricsToken: secrets.metricsToken,
          authenticateStaff:
            overrides.authenticateStaff ??
            (async (token) => {
              const options = { body: { token }, deadlineMs: sessionDeadlineMs }
              return (await client.call('orders', introspectSession, options)).member ?? undefined
            }),
        })
        addReportRoutes(server, { reportEngine, queryEngine, loader, root, config })
        return server
      },
    }
  })
}
