import type { Connection } from 'mariadb'

const endTimeoutMs = 1_000

/** Says goodbye; a server that does not answer is left. */
export async function end(connection: Connection): Promise<void> {
  if (!connection.isValid()) return connection.destroy()
  const timer = setTimeout(() => connection.destroy(), endTimeoutMs)
  // It is gone either way.
  await connection.end().catch(() => connection.destroy())
  clearTimeout(timer)
}
