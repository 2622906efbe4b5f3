import type { Log } from './log.ts'
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres-server.ts'
import { identify, type ProcessIdentity } from './process-identity.ts'
import { failuresAfter, restartWaitMs, type Supervised } from './supervised-role.ts'

export type SupervisedPostgres = Supervised & {
  /** The URL of its database; the same after every restart. */
  readonly url: string
}

type Options = Pick<PostgresOptions, 'path' | 'password' | 'settings'> & {
  name: string
  database: string
  log: Log
  /** Gives up the first start. */
  signal?: AbortSignal
  onChange: () => void
}

/**
 * Starts a PostgreSQL server with one database and starts it again whenever it ends.
 * @throws PostgresUnavailable when the first start fails
 */
export async function supervisePostgres(options: Options): Promise<SupervisedPostgres> {
  const { name, log, onChange } = options
  let server: PostgresServer | undefined
  let identity: ProcessIdentity | undefined
  let starting: Promise<void> | undefined
  let restarting: NodeJS.Timeout | undefined
  let stopped = false
  let failures = 0
  let servesSinceMs = Number.POSITIVE_INFINITY
  const givingUp = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, givingUp.signal]) : givingUp.signal

  const start = async () => {
    servesSinceMs = Number.POSITIVE_INFINITY
    server = await startPostgres({
      path: options.path,
      password: options.password,
      settings: options.settings ?? {},
      log: (line) => !stopped && log.line(name, line),
      onExit: restart,
      signal,
    })
    servesSinceMs = performance.now()
    identity = identify(server.pid)
    onChange()
  }
  const restart = (reason: string) => {
    server = undefined
    identity = undefined
    onChange()
    if (stopped) return
    const servedMs = performance.now() - servesSinceMs
    failures = failuresAfter(failures, { servedMs, ranMs: servedMs })
    const waitMs = restartWaitMs(failures, Math.random())
    log.line(name, `ended (${reason}); it starts again in ${(waitMs / 1000).toFixed(1)} s`)
    restarting = setTimeout(() => {
      starting = start().catch((error: Error) => restart(error.message))
    }, waitMs)
  }

  const stop = async (graceMs?: number) => {
    stopped = true
    clearTimeout(restarting)
    givingUp.abort()
    await starting
    await server?.stop(graceMs)
  }

  await start()
  const first = server as PostgresServer | undefined
  try {
    await first?.ensureDatabase(options.database)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name,
    url: first?.url(options.database) ?? '',
    get process() {
      return identity
    },
    stop,
  }
}
