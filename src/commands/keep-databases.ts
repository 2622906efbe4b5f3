import { join } from 'node:path'
import { ConfigError, readConfig, readSecrets } from '#config'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { systemClock } from '#ports/clock'
import { logger, openLog } from '#ports/log'
import { keepServer, type ServerKeeper } from '../local/kept/keep-server.ts'
import { openDoor } from '../local/kept/open-door.ts'
import { stopSignal } from '../process/stop-signal.ts'

export const summary =
  'run this cluster’s server of each database of a fleet: the primary or a replica, as the fleet says'

const databaseOf: Readonly<Record<KeptDatabase, string>> = { 'order-db': 'orders', 'book-db': 'books' }

/** Runs until it is asked to end. @throws ConfigError when it is not told which cluster it is in */
export async function run(): Promise<number> {
  const config = readConfig(process.env)
  const { cluster, host, port, tls } = config.keeper
  if (cluster === undefined)
    throw new ConfigError('OCTAVO_CLUSTER is not set; it names the cluster in its fleet')
  const { secret, databasePassword, metricsToken } = readSecrets(process.env, [
    ...(['secret', 'databasePassword', 'metricsToken'] as const),
  ])
  process.stdout.on('error', () => {})
  openLog({
    ...config.log,
    fields: { role: 'keeper', cluster },
    write: (line) => void process.stdout.write(line),
  })
  const stop = stopSignal()
  await using opened = new AsyncDisposableStack()
  const keepers = new Map<KeptDatabase, ServerKeeper>(
    keptDatabases.map((name, i) => [
      name,
      opened.use(
        keepServer({
          ...{ cluster, name, database: databaseOf[name], path: join(config.dataPath, name) },
          ...{ password: databasePassword, host, port: port + i, tls, clock: systemClock },
        }),
      ),
    ]),
  )
  const door = opened.use(await openDoor({ cluster, secret, metricsToken, at: config.service, keepers }))
  logger('keeper').info('keeps the databases of this cluster', { url: door.url, host, port })
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()))
  return 0
}
