import pg from 'pg'
import { backoffMs } from '#kernel/backoff'
import { logger } from '#ports/log'
import { primaryOf } from './find-primary.ts'

const log = logger('database')

const connectTimeoutMs = 3_000
const retryBaseMs = 100
const retryMaxMs = 5_000

export type DoorbellOptions = {
  applicationName: string
  /** Rung by `SELECT pg_notify(channel, '')`; outside of every business transaction, for inside it serialises commits. */
  channel: string
  /** Called when it rings, and after every reconnect, because rings may have been missed. */
  onRing: () => void
}

/** Keeps one connection of its own on LISTEN, and reconnects for as long as it is not disposed. */
export async function listenForRings(url: string, options: DoorbellOptions): Promise<AsyncDisposable> {
  const { applicationName, channel, onRing } = options
  const primary = primaryOf(url)
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let attempt = 0
  let disposed = false

  const connect = async () => {
    // The connection itself says what is wrong, and is tried again.
    const address = await primary.find(connectTimeoutMs).catch(() => primary.url)
    if (disposed) return
    const next = new pg.Client({
      connectionString: address,
      application_name: applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    })
    client = next
    const lost = () => {
      if (client !== next || disposed) return
      client = undefined
      primary.forget(address)
      // It is lost already; what it says on going is of no use.
      next.end().catch(() => undefined)
      timer = setTimeout(connect, backoffMs(attempt++, 0.5 + Math.random() / 2, retryBaseMs, retryMaxMs))
    }
    next.on('error', lost)
    next.on('end', lost)
    next.on('notification', onRing)
    try {
      await next.connect()
      await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
      attempt = 0
      onRing()
    } catch (error) {
      if (attempt === 0) log.warn('the doorbell is away; what it rings for is polled meanwhile', { error })
      lost()
    }
  }

  await connect()
  return {
    async [Symbol.asyncDispose]() {
      disposed = true
      clearTimeout(timer)
      // Nobody listens any more, whatever became of the connection.
      await client?.end().catch(() => undefined)
    },
  }
}
