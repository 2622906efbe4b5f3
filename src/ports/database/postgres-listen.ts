import pg from 'pg'
import { backoffMs } from '#kernel/backoff'

/** Keeps one connection of its own on LISTEN, and reconnects for as long as it is not disposed. */
export async function listenOn(
  config: pg.ClientConfig,
  channel: string,
  onRing: () => void,
): Promise<AsyncDisposable> {
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let attempt = 0
  let disposed = false

  const connect = async () => {
    const next = new pg.Client({ ...config, statement_timeout: 0, query_timeout: 0 })
    client = next
    const lost = () => {
      if (client !== next || disposed) return
      client = undefined
      next.end().catch(() => undefined)
      timer = setTimeout(connect, backoffMs(attempt++, 0.5 + Math.random() / 2, 100, 5_000))
    }
    next.on('error', lost)
    next.on('end', lost)
    next.on('notification', onRing)
    try {
      await next.connect()
      await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
      attempt = 0
      onRing()
    } catch {
      lost()
    }
  }

  await connect()
  return {
    async [Symbol.asyncDispose]() {
      disposed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}
