import { type Config, type Environment, readSecrets, type SecretName, type Secrets } from '#config'
import type { Route } from '#kernel/contract'
import { logger, neverLog } from '#ports/log'
import type { Service } from '#process/service-shell'
import * as catalog from '#services/catalog'
import * as coordinator from '#services/coordinator'
import * as edge from '#services/edge'
import * as fleet from '#services/fleet'
import * as gateway from '#services/gateway'
import * as orders from '#services/orders'
import * as registry from '#services/registry'
import * as vouchers from '#services/vouchers'
import * as warehouse from '#services/warehouse'

/**
 * The one list of roles. The laptop's processes and the order in which they stop, `octavo serve` and `octavo migrate`,
 * the gateway's routing and readiness, the API reference and what is deployed elsewhere are all made from it.
 */
export type Role = {
  name: string
  summary: string
  /** What lies outside and has to be reachable, by the secret that holds its URL. */
  needs: readonly Need[]
  /** The roles that it asks something of. The network lets it reach no others. */
  calls: readonly string[]
  /** Every secret it is given: those of `needs`, and keys. */
  secrets: readonly SecretName[]
  /** The settings it reads beside those that every role does. */
  settings: readonly string[]
  /** What of its work one process does at a time, by the names of the leases it takes. */
  leases: readonly string[]
  /** Whether what it needs is so large that it is in an image of its own, called after it. */
  hasOwnImage: boolean
  /** Whether it is a door to the outside; the others are for each other. */
  isPublic: boolean
  /** Whether nothing can be sold without it: the gateway is not ready before it is. */
  isRequired: boolean
  /** What it says of itself to others. */
  contract: object
  /** Its part of the public API. */
  routes: readonly Route[]
  /** Roles of one number stop together, lower ones first: who takes work in before those who do it. */
  stopsAt: number
  /** Options for Node: how much memory it takes. */
  nodeOptions: readonly string[]
  /** Whether it runs beside the clusters that the others run in, once for all of them: no store has one of its own. */
  isOfFleet: boolean
  /** How many processes run on a laptop. */
  laptopProcesses: number
  /** Its tables: the database they are in, their schema, and the folder of their migrations for the database at a URL. */
  tables?: {
    database: 'bookDb' | 'orderDb'
    schema: string
    migrations: (url: string) => Promise<URL>
    /** Where the schema is called otherwise in some databases. */
    schemaAt?: (url: string) => Promise<string>
  }
  /** Does what is due and ends, for roles that can be run as a job. */
  once?(config: Config, env: Environment, stop: AbortSignal): Promise<void>
  /** Opens it with its secrets and no others. @throws ConfigError when one of them is missing */
  create(config: Config, env: Environment): Promise<Service>
}

export type Need = 'bookDb' | 'orderDb' | 'broker' | 'objectStore' | 'payment'

/** What every role that listens for others reads. */
export const commonSettings: readonly string[] = [
  ...['OCTAVO_LOG_LEVEL', 'OCTAVO_LOG_FORMAT', 'OCTAVO_DISCOVERY', 'OCTAVO_OTLP', 'OCTAVO_TRACE_PERCENT'],
  ...['OCTAVO_ENV', 'OCTAVO_FAULTS'],
  ...['OCTAVO_SERVICE_HOST', 'OCTAVO_SERVICE_PORT', 'OCTAVO_ADVERTISE'],
]

/** A third less memory, for roles that are not on the way of every order: garbage is collected more often. */
const small = ['--max-semi-space-size=1']
/** An order in flight outlives several small collections, which then copy it each time: with more room few do. */
const roomy = ['--max-semi-space-size=32']

export const roles: readonly Role[] = [
  role('registry', {
    summary: 'which instances of each role are there',
    keys: ['secret', 'metricsToken'],
    contract: registry,
    stopsAt: 4,
    nodeOptions: small,
    open: async (config, secrets) =>
      (await import('./services/registry/service.ts')).createRegistry(config, secrets),
  }),
  role('catalog', {
    summary: 'books, search, covers, imports and stock',
    needs: ['bookDb', 'broker'],
    calls: ['orders'],
    keys: ['secret', 'metricsToken'],
    settings: [
      ...['OCTAVO_MIGRATE', 'OCTAVO_DEMO', 'OCTAVO_SHOP_COUNTRY', 'OCTAVO_SHOP_CURRENCY'],
      ...['OCTAVO_SHOP_TIME_ZONE', 'OCTAVO_SEARCH_DAYS'],
    ],
    leases: ['announcing'],
    isRequired: true,
    contract: catalog,
    routes: catalog.publicRoutes,
    stopsAt: 3,
    nodeOptions: small,
    laptopProcesses: 2,
    tables: {
      database: 'bookDb',
      schema: 'catalog',
      migrations: async (url) => (await import('./services/catalog/migrations.ts')).migrationsOf(url),
      schemaAt: async (url) => (await import('./services/catalog/migrations.ts')).schemaOf(url),
    },
    open: async (config, secrets) =>
      (await import('./services/catalog/service.ts')).createCatalog(config, secrets),
  }),
  role('orders', {
    summary: "orders, customers' limits, vouchers, staff, sagas and the log of decisions",
    needs: ['orderDb', 'broker', 'objectStore', 'payment'],
    calls: ['catalog', 'coordinator', 'vouchers'],
    keys: ['secret', 'metricsToken', 'voucherKey', 'staffPassword'],
    settings: [
      ...['OCTAVO_MIGRATE', 'OCTAVO_URL', 'OCTAVO_HOLD_SECONDS', 'OCTAVO_STAFF_EMAIL'],
      ...['OCTAVO_CUSTOMER_DAYS', 'OCTAVO_VOUCHER_DAYS', 'OCTAVO_HOT_DAYS', 'OCTAVO_SECOND_FACTOR'],
    ],
    leases: ['sweeper', 'retention', 'voucher-pdfs', 'old-orders'],
    isRequired: true,
    contract: orders,
    routes: orders.publicRoutes,
    stopsAt: 3,
    nodeOptions: small,
    laptopProcesses: 2,
    tables: {
      database: 'orderDb',
      schema: 'orders',
      migrations: async () => (await import('./services/orders/migrations.ts')).migrationsFolder,
    },
    open: async (config, secrets) =>
      (await import('./services/orders/service.ts')).createOrders(config, secrets),
  }),
  role('coordinator', {
    summary: 'gathers what moves stock into groups, each one transaction over both databases',
    calls: ['catalog', 'orders'],
    keys: ['secret', 'metricsToken'],
    settings: ['OCTAVO_HOLD_SECONDS'],
    isRequired: true,
    contract: coordinator,
    routes: coordinator.publicRoutes,
    nodeOptions: roomy,
    stopsAt: 2,
    open: async (config, secrets) =>
      (await import('./services/coordinator/service.ts')).createCoordinator(config, secrets),
  }),
  role('vouchers', {
    summary: 'draws vouchers as PDFs and serves their downloads',
    needs: ['broker', 'objectStore'],
    calls: ['catalog', 'orders'],
    keys: ['secret', 'metricsToken'],
    settings: ['OCTAVO_URL'],
    contract: vouchers,
    routes: vouchers.publicRoutes,
    stopsAt: 3,
    nodeOptions: small,
    open: async (config, secrets) =>
      (await import('./services/vouchers/service.ts')).createVouchers(config, secrets),
    once: async (config, secrets, stop) =>
      (await import('./services/vouchers/service.ts')).drawOnce(config, secrets, stop),
  }),
  role('warehouse', {
    summary: 'loads everything from both databases into Parquet every so often, and answers reports',
    needs: ['bookDb', 'orderDb', 'objectStore'],
    calls: ['orders'],
    keys: ['secret', 'metricsToken'],
    settings: ['OCTAVO_DATA', 'OCTAVO_WAREHOUSE_SECONDS', 'OCTAVO_SHOP_TIME_ZONE'],
    leases: ['warehouse'],
    hasOwnImage: true,
    contract: warehouse,
    routes: warehouse.publicRoutes,
    stopsAt: 3,
    nodeOptions: small,
    open: async (config, secrets) =>
      (await import('./services/warehouse/service.ts')).createWarehouse(config, secrets),
  }),
  role('gateway', {
    summary: 'the only public door: pages, routing, retries, circuit breakers, live events',
    needs: ['broker'],
    calls: ['catalog', 'orders', 'coordinator', 'vouchers', 'warehouse'],
    keys: ['secret', 'cache', 'metricsToken'],
    settings: [
      ...['OCTAVO_HOST', 'OCTAVO_PORT', 'OCTAVO_URL', 'OCTAVO_TRUSTED_PROXIES', 'OCTAVO_RATE_LIMIT'],
      ...['OCTAVO_CONSOLE_URL', 'OCTAVO_TLS_CERT', 'OCTAVO_TLS_KEY', 'OCTAVO_ALERTMANAGER'],
      'OCTAVO_FLEET_EPOCH',
    ],
    isPublic: true,
    contract: gateway,
    routes: gateway.ownRoutes,
    stopsAt: 1,
    open: async (config, secrets) =>
      (await import('./services/gateway/service.ts')).createGateway(config, secrets, {
        ...{ routed: routedRoles, required: requiredRoles },
      }),
  }),
  role('edge', {
    summary: 'the public door of a fleet: passes requests on to its clusters',
    keys: ['secret', 'metricsToken'],
    settings: [
      ...['OCTAVO_FLEET', 'OCTAVO_DATA', 'OCTAVO_HOST', 'OCTAVO_PORT', 'OCTAVO_URL'],
      ...['OCTAVO_TRUSTED_PROXIES', 'OCTAVO_TLS_CERT', 'OCTAVO_TLS_KEY'],
    ],
    isPublic: true,
    isOfFleet: true,
    contract: edge,
    stopsAt: 2,
    laptopProcesses: 0,
    open: async (config, secrets) => (await import('./services/edge/service.ts')).createEdge(config, secrets),
  }),
  role('fleet', {
    summary: 'makes the clusters of an OCM hub what a BookstoreFleet says',
    keys: ['secret', 'metricsToken'],
    settings: ['OCTAVO_FLEET'],
    isOfFleet: true,
    contract: fleet,
    stopsAt: 3,
    laptopProcesses: 0,
    open: async (config, secrets) =>
      (await import('./services/fleet/service.ts')).createFleet(config, secrets),
  }),
]

/** The whole public API, for its reference page and for typed clients. */
export const publicRoutes: readonly Route[] = roles.flatMap(({ routes }) => routes)

/** Every queue of messages, for those who look after dead letters. */
export const queues: readonly string[] = [...orders.queues, ...vouchers.queues]

/** Whom the gateway passes requests on to: those who have a part in the public API and are no door themselves. */
export const routedRoles: readonly Role[] = roles.filter(
  ({ isPublic, routes }) => !isPublic && routes.length > 0,
)

export const requiredRoles: readonly string[] = roles
  .filter((each) => each.isRequired)
  .map(({ name }) => name)

/** Names of the roles that stop together, first to last. */
export const stopOrder: readonly (readonly string[])[] = [...new Set(roles.map(({ stopsAt }) => stopsAt))]
  .sort((a, b) => a - b)
  .map((at) => roles.filter(({ stopsAt }) => stopsAt === at).map(({ name }) => name))

type Plan<N extends Need, K extends SecretName> = Pick<Role, 'summary' | 'contract' | 'stopsAt' | 'tables'> &
  Partial<
    Pick<
      Role,
      | 'calls'
      | 'settings'
      | 'leases'
      | 'hasOwnImage'
      | 'isPublic'
      | 'isRequired'
      | 'isOfFleet'
      | 'routes'
      | 'nodeOptions'
      | 'laptopProcesses'
    >
  > & {
    needs?: readonly N[]
    keys: readonly K[]
    open(config: Config, secrets: Secrets<N | K>): Promise<Service>
    once?(config: Config, secrets: Secrets<N | K>, stop: AbortSignal): Promise<void>
  }

function role<const N extends Need = never, const K extends SecretName = never>(
  name: string,
  { needs = [], keys, open, once, ...plan }: Plan<N, K>,
): Role {
  const secrets = [...needs, ...keys]
  const given = (env: Environment) => {
    const read = readSecrets<N | K>(env, secrets, logger('config').warn)
    for (const value of Object.values<string | undefined>(read)) if (value !== undefined) neverLog(value)
    return read
  }
  return {
    calls: [],
    settings: [],
    leases: [],
    hasOwnImage: false,
    isPublic: false,
    isRequired: false,
    isOfFleet: false,
    routes: [],
    nodeOptions: [],
    laptopProcesses: 1,
    ...plan,
    ...{ name, needs, secrets },
    create: async (config, env) => open(config, given(env)),
    ...(once && { once: (config, env, stop) => once(config, given(env), stop) }),
  }
}
