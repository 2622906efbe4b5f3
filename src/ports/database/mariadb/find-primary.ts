import { type Connection, type ConnectionConfig, createConnection } from 'mariadb'
import { systemClock } from '#ports/clock'
import { DatabaseUnavailable } from '../database.ts'

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

async function firstThatWrites(addresses: readonly ConnectionConfig[]): Promise<Connection | undefined> {
  const asked = addresses.map(async (address) => {
    const connection = await createConnection(address)
    connection.on('error', () => undefined)
    const takesWrites = await isWritable(connection)
    if (takesWrites) return connection
    connection.destroy()
    throw new Error('not this one')
  })
  // None of them does.
  const found = await Promise.any(asked).catch(() => undefined)
  for (const one of asked)
    one.then(
      (connection) => connection !== found && connection.destroy(),
      () => undefined,
    )
  return found
}

/** One that has been fenced, or goes while it is asked, is no primary. */
const isWritable = async (connection: Connection): Promise<boolean> =>
  await connection.query<{ no: number }[]>('SELECT @@global.read_only AS no').then(
    (rows) => rows[0]?.no === 0,
    () => false,
  )
