import pg from 'pg'
import { askOnce, cut, parseLsn, type Standing, standingOf, standingQuery } from '#ports/postgres'

/** How a server says that it stands, its position as a number. */
export type Answer = Standing & { position: bigint }

/** Asks over one connection, again and again; a new one is made when it is lost or silent for too long. */
export function probe(url: string) {
  let client: pg.Client | undefined
  let backend: number | undefined
  const close = () => {
    if (client) cut(client)
    client = undefined
    backend = undefined
  }
  const connect = async (limitMs: number) => {
    const next = new pg.Client({
      ...{ connectionString: url, application_name: 'octavo supervisor' },
      ...{ connectionTimeoutMillis: limitMs, query_timeout: limitMs },
    })
    // The next question fails, and says so.
    next.on('error', () => undefined)
    await next.connect()
    // The driver's types leave it out.
    backend = (next as unknown as { processID: number }).processID
    return next
  }
  return {
    /** The process that answers. */
    get backend() {
      return backend
    },
    close,
    /** Runs another statement over it; one that has no connection yet is asked over one of its own. */
    async run<Row>(sql: string, limitMs: number): Promise<Row[]> {
      if (client === undefined) return await askOnce<Row>(url, sql, limitMs)
      try {
        const question = { text: sql, query_timeout: limitMs }
        return (await client.query(question)).rows as Row[]
      } catch (error) {
        close()
        throw error
      }
    },
    /** Waits for up to `limitMs` for a connection, and as long for the answer. */
    async ask(limitMs: number): Promise<Answer | undefined> {
      try {
        client ??= await connect(limitMs)
        const question = { text: standingQuery, query_timeout: limitMs }
        const standing = standingOf((await client.query(question)).rows)
        return standing && { ...standing, position: parseLsn(standing.lsn) }
      } catch {
        // Away, starting or frozen: the silence is what is told.
        close()
        return undefined
      }
    },
  }
}
