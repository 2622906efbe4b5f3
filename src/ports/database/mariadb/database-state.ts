import { type ConnectionConfig, createConnection } from 'mariadb'
import type { DatabaseState, ServerState } from '#kernel/database-state'
import { end } from './end-connection.ts'
import { addressOf, connectTimeoutMs } from './settings.ts'

/** Asks a MariaDB or MySQL server how it stands: who takes writes, and how far behind its primary a replica is. */
export async function askState(name: string, url: string, limitMs: number): Promise<DatabaseState> {
  const state = { name, timeline: null, lastFailoverAt: null, archive: null }
  const { servers } = addressOf(url, 'state')
  return { ...state, servers: await Promise.all(servers.map((server) => askServer(server, limitMs))) }
}

async function askServer(connection: ConnectionConfig, limitMs: number): Promise<ServerState> {
  const server = connection.socketPath ?? `${connection.host}:${connection.port}`
  const away: ServerState = { server, state: 'away', lagSeconds: null, lagBytes: null }
  const times = { connectTimeout: Math.min(limitMs, connectTimeoutMs), socketTimeout: limitMs }
  // Away, starting or frozen: that it says nothing is the answer.
  // Who looks after servers need not be let into the database.
  const { database: _, ...anywhere } = connection
  const opened = await createConnection({ ...anywhere, ...times }).catch(() => undefined)
  if (opened === undefined) return away
  // What is asked fails as well, and says that it is away.
  opened.on('error', () => undefined)
  try {
    const [flags] = await opened.query<{ readOnly: number }[]>('SELECT @@read_only AS readOnly')
    if (!flags?.readOnly) return { server, state: 'primary', lagSeconds: 0, lagBytes: 0 }
    // Not every user may ask.
    const [replica] = await opened
      .query<{ Seconds_Behind_Master: number | null }[]>('SHOW SLAVE STATUS')
      .catch(() => [])
    return { server, state: 'replica', lagSeconds: replica?.Seconds_Behind_Master ?? null, lagBytes: null }
  } catch {
    // It went meanwhile.
    return away
  } finally {
    // A server writes down who leaves without saying goodbye; one that does not answer is left.
    void end(opened)
  }
}
