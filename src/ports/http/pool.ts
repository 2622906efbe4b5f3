import { Pool } from '#ports/connections'

const connectTimeoutMs = 1_000
const keepAliveMs = 30_000
const closeTimeoutMs = 15_000

/** Connections to one place that requests are passed on to, one request at a time on each. */
export function openPool(url: string, connectionsMax: number): Pool {
  return new Pool(url, {
    connections: connectionsMax,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: keepAliveMs,
  })
}

/** Lets what is on its way end, for 15 s at the most, without keeping anybody waiting. */
export function closeGracefully(pool: Pool): void {
  // The place has gone; how its last connections end is of no use to anybody.
  const timeout = setTimeout(() => pool.destroy().catch(() => {}), closeTimeoutMs)
  timeout.unref()
  pool
    .close()
    // As above.
    .catch(() => {})
    .finally(() => clearTimeout(timeout))
}
