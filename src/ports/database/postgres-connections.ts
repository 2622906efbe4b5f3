import pg from 'pg'
import { systemClock } from '#ports/clock'
import { type Primary, primaryOf } from '#ports/postgres'
import { DatabaseUnavailable } from './database.ts'
import { translated, wasReadOnly } from './postgres-errors.ts'

/** Connections to whichever of a database's servers is the primary. */
export type Connections = AsyncDisposable & {
  /**
   * Lends a connection to `work`. One that is lost meanwhile is given to nobody else.
   * @throws DatabaseUnavailable when there is no primary within `findLimitMs`, and whatever `work` throws
   */
  lend<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** The same for what is one statement: asked again of the true primary when a server takes no writes any more. */
  lendForOne<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** A connection of its own, which is not lent to anybody. */
  own(config: pg.ClientConfig): Promise<pg.Client>
}

/** A failover takes a second: who comes meanwhile waits for it instead of failing. */
const findLimitMs = 3_000
const againMs = 50

/** @throws TypeError when the URL names its hosts in a way that cannot be read */
export function openConnections(url: string, config: pg.PoolConfig): Connections {
  const primary = primaryOf(url)
  const pool = new pg.Pool({
    ...config,
    Client: clientAt(primary),
    ...(primary.isOneOfSeveral && { onConnect: isStillPrimary as (client: pg.ClientBase) => void }),
  })
  // An idle connection that the server closes must not end the process; the next query opens another.
  pool.on('error', () => primary.forget(primary.url))
  // Nor one that closes between two statements of a transaction; the next statement fails in its place.
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
    client.on('notice', (notice) => noteNotice(client, notice))
  })
  const lend: Connections['lend'] = async (work) => {
    const client = await connected(pool, primary)
    try {
      return await work(client)
    } catch (error) {
      if (error instanceof DatabaseUnavailable) noteLost(client)
      throw error
    } finally {
      if (lost.has(client)) primary.forget(primary.url)
      client.release(lost.has(client))
    }
  }
  return {
    lend,
    lendForOne: async (work) => {
      try {
        return await lend(work)
      } catch (error) {
        // It was refused before it did anything. A second refusal is the primary's own.
        if (primary.isOneOfSeveral && wasReadOnly(error)) return await lend(work)
        throw error
      }
    },
    own: (own) => connectAlone(primary, own),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** The pool's options are the same for ever, and the server is not. */
function clientAt(primary: Primary): typeof pg.Client {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionString: primary.url })
    }
  } as typeof pg.Client
}

async function connected(pool: pg.Pool, primary: Primary): Promise<pg.PoolClient> {
  return await untilFound(primary, () => pool.connect())
}

async function connectAlone(primary: Primary, config: pg.ClientConfig): Promise<pg.Client> {
  return await untilFound(primary, async () => {
    const client = new pg.Client({ ...config, connectionString: primary.url })
    // What is asked of it next fails, and says why.
    client.on('error', () => undefined)
    client.on('notice', (notice) => noteNotice(client, notice))
    await client.connect()
    return client
  })
}

/** Nothing has been asked of the server yet, so that trying another one is always safe. */
async function untilFound<T>(primary: Primary, connect: () => Promise<T>): Promise<T> {
  const giveUpMs = systemClock.monotonicMs() + findLimitMs
  for (;;) {
    const leftMs = giveUpMs - systemClock.monotonicMs()
    try {
      if (primary.isOneOfSeveral) await primary.find(leftMs)
      return await connect()
    } catch (error) {
      const failure = translated(error)
      primary.forget(primary.url)
      if (!primary.isOneOfSeveral || !(failure instanceof DatabaseUnavailable) || leftMs < againMs)
        throw failure
      await systemClock.sleep(againMs)
    }
  }
}

async function isStillPrimary(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query('SELECT pg_is_in_recovery() AS standby')
  if (rows[0]?.standby) throw new DatabaseUnavailable('the server has become a replica')
}

const lost = new WeakSet<pg.ClientBase>()

/** This connection has failed, and nobody else is to have it. */
export function noteLost(client: pg.ClientBase): void {
  lost.add(client)
}

const unwaited = new WeakSet<pg.ClientBase>()

/**
 * A commit whose wait for the replicas is cut off answers that all went well, and warns. Source: PostgreSQL's syncrep.c.
 */
function noteNotice(client: pg.ClientBase, { code, routine }: { code?: string; routine?: string }): void {
  if (code === '01000' && routine === 'SyncRepWaitForLSN') unwaited.add(client)
}

/** @throws DatabaseUnavailable when what this connection just did may be on this one server alone: it is unknown */
export function checkWaited(client: pg.ClientBase): void {
  if (unwaited.has(client))
    throw new DatabaseUnavailable('the wait for the replicas was cut off; whether it lasts is unknown')
}
