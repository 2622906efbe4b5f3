import type { Database } from '#ports/database'
import { type TestScope, type TestServer, testDatabase, testServers } from './database.ts'
import { mariadbSkipped, mariadbTestServer, testMariadb } from './mariadb.ts'

/** What a test has to know of a dialect in order to say nothing of it itself. */
export type DatabaseServers = {
  /** Why its tests are left out on this machine. On one that must have everything they fail instead. */
  skip: string | false
  /** The URL of a fresh, empty database on a server that tests share. */
  fresh(t: TestScope): Promise<string>
  /** A server of this test alone, to be killed and frozen. */
  own(t: TestScope): Promise<TestServer>
  /** A parameter by its number, counted from 1. */
  parameter(n: number): string
  /** The type of a column that holds a moment to the millisecond. */
  instant: string
  /** A statement that costs its own connection. */
  loseConnection: string
  /** Reads a row of `things`, lets `meanwhile` change it, and writes what is then no longer as it was seen. */
  writeOutdated(database: Database, meanwhile: () => Promise<unknown>): Promise<unknown>
}

const postgres: DatabaseServers = {
  skip: false,
  fresh: async (t) => (await testDatabase(t, 'database')).url,
  async own(t) {
    const [server] = await testServers(t, 1)
    return server as TestServer
  },
  parameter: (n) => `$${n}`,
  instant: 'timestamptz(3)',
  loseConnection: 'SELECT pg_terminate_backend(pg_backend_pid())',
  writeOutdated: (database, meanwhile) =>
    database.transaction(async (tx) => {
      await tx.execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await tx.query('SELECT n FROM things')
      await meanwhile()
      await tx.execute('UPDATE things SET n = n + 1')
    }),
}

const mariadb: DatabaseServers = {
  skip: mariadbSkipped,
  fresh: async (t) => (await testMariadb(t, 'database')).url,
  own: mariadbTestServer,
  parameter: () => '?',
  instant: 'datetime(3)',
  loseConnection: 'KILL CONNECTION_ID()',
  writeOutdated: (database, meanwhile) =>
    database.exclusively('outdated', async (session) => {
      await session.execute('SET innodb_snapshot_isolation = ON')
      await session.execute('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await session.transaction(async (tx) => {
        await tx.query('SELECT n FROM things')
        await meanwhile()
        await tx.execute('UPDATE things SET n = n + 1')
      })
    }),
}

/** By the scheme of the adapter; whatever is true of every database is tested on all of them. */
export const databaseServers: Readonly<Record<string, DatabaseServers>> = {
  ...{ postgres, postgresql: postgres },
  ...{ mariadb, mysql: mariadb },
}

/** Each kind of server once, with a scheme it goes by. */
export function eachDatabaseServer(): [scheme: string, servers: DatabaseServers][] {
  const bySubject = new Map<DatabaseServers, string>()
  for (const [scheme, servers] of Object.entries(databaseServers))
    if (!bySubject.has(servers)) bySubject.set(servers, scheme)
  return [...bySubject].map(([servers, scheme]) => [scheme, servers])
}
