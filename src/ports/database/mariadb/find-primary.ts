import { type Connection, type ConnectionConfig, createConnection } from 'mariadb'
import { systemClock } from '#ports/clock'
import { DatabaseUnavailable } from '../database.ts'
import { end } from './end-connection.ts'

/** A failover takes a few seconds: who comes meanwhile waits for it. */
const findLimitMs = 3_000
const againMs = 100

/** Connects to the one of them that takes writes. @throws DatabaseUnavailable when none does in time */
export async function connectToPrimary(
  addresses: readonly ConnectionConfig[],
  again: { limitMs: number } = { limitMs: findLimitMs },
): Promise<Connection> {
  const [only] = addresses
  if (only !== undefined && addresses.length === 1) return await createConnection(only)
  const giveUpMs = systemClock.monotonicMs() + again.limitMs
  for (;;) {
    const found = await firstThatWrites(addresses)
    if (found) return found
    if (systemClock.monotonicMs() > giveUpMs)
      throw new DatabaseUnavailable(
        `none of the database's ${addresses.length} servers takes writes just now`,
      )
    await systemClock.sleep(againMs)
  }
}

/**
 * One that nobody follows, though it has to wait for a replica, can acknowledge nothing: it was the primary before it froze,
 * say. It is taken when there is no other.
 */
async function firstThatWrites(addresses: readonly ConnectionConfig[]): Promise<Connection | undefined> {
  const asked = addresses.map(async (address) => {
    const connection = await createConnection(address)
    // What is asked fails as well, and says why.
    connection.on('error', () => undefined)
    const standing = await standingOf(connection)
    if (standing !== 'replica') return { connection, standing }
    // Not waited for: a server writes down who leaves without a word, and one that is frozen answers none.
    void end(connection)
    throw new Error('not this one')
  })
  const followed = asked.map(async (each) => {
    const found = await each
    if (found.standing === 'alone') throw new Error('nobody follows it')
    return found.connection
  })
  const chosen = await Promise.any(followed)
    .catch(() => Promise.any(asked).then(({ connection }) => connection))
    // None of them does.
    .catch(() => undefined)
  for (const one of asked)
    one.then(
      ({ connection }) => connection !== chosen && void end(connection),
      // One that cannot be reached has nothing to end.
      () => undefined,
    )
  return chosen
}

const standingQuery = `SHOW GLOBAL STATUS WHERE Variable_name IN
  ('Rpl_semi_sync_master_status', 'Rpl_semi_sync_source_status', 'Rpl_semi_sync_master_clients', 'Rpl_semi_sync_source_clients')`

/** One that has been fenced, or goes while it is asked, is no primary. */
async function standingOf(connection: Connection): Promise<'replica' | 'primary' | 'alone'> {
  try {
    const [flags] = await connection.query<{ no: number }[]>('SELECT @@global.read_only AS no')
    if (flags?.no !== 0) return 'replica'
    const rows = await connection.query<{ Variable_name: string; Value: string }[]>(standingQuery)
    const statusOf = (end: string) => rows.find(({ Variable_name: name }) => name.endsWith(end))?.Value
    return statusOf('_status') === 'ON' && statusOf('_clients') === '0' ? 'alone' : 'primary'
  } catch {
    // It went while it was asked.
    return 'replica'
  }
}
