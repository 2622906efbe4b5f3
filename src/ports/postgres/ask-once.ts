import type { Socket } from 'node:net'
import pg from 'pg'

/**
 * Asks one server one thing, on a connection of its own that is cut afterwards.
 * @param applicationName how the server names the connection
 * @throws whatever keeps the server from answering within `limitMs`, and its refusals
 */
export async function askOnce<Row>(
  url: string,
  sql: string,
  limitMs: number,
  applicationName?: string,
): Promise<Row[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
    ...(applicationName !== undefined && { application_name: applicationName }),
  })
  // What is asked fails as well, and says why.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(sql)).rows as Row[]
  } finally {
    cut(client)
  }
}

/** Closes a connection without a word: a server that is frozen would never answer one. */
export function cut(client: pg.ClientBase): void {
  // The driver's types leave its connection out.
  const { connection } = client as unknown as { connection: { stream: Socket } }
  connection.stream.destroy()
}
