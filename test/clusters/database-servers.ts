import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { askOnce } from '#ports/postgres'
import { type PostgresServer, startPostgres } from '../../src/local/postgres-server.ts'
import type { TestScope } from '../support/database.ts'

export type DatabaseServers = {
  servers: { bookDb: PostgresServer; orderDb: PostgresServer }
  /** URLs of their databases, over TCP as pods reach them. */
  bookDb: string
  orderDb: string
}

/** BookDb's and OrderDb's server beside a cluster, each on a loopback address of its own. They end with the test. */
export async function startDatabaseServers(scope: TestScope, folder: string): Promise<DatabaseServers> {
  const password = randomBytes(12).toString('hex')
  const servers = {
    bookDb: await startServer(scope, folder, 'book-db', '127.0.0.2', password),
    orderDb: await startServer(scope, folder, 'order-db', '127.0.0.3', password),
  }
  return {
    servers,
    bookDb: await makeDatabase('127.0.0.2', 'books', password),
    orderDb: await makeDatabase('127.0.0.3', 'orders', password),
  }
}

async function startServer(
  scope: TestScope,
  folder: string,
  name: string,
  address: string,
  password: string,
): Promise<PostgresServer> {
  // The log says what others write, as the chart has it of its own servers.
  const settings = {
    ...{ listen_addresses: address, max_prepared_transactions: '200', max_connections: '300' },
    wal_level: 'logical',
  }
  const server = await startPostgres({ path: join(folder, name), password, settings })
  scope.after(() => server[Symbol.asyncDispose]())
  return server
}

/** @returns its URL */
async function makeDatabase(host: string, database: string, password: string): Promise<string> {
  const url = (name: string) => `postgres://octavo:${password}@${host}:5432/${name}`
  await askOnce(url('postgres'), `CREATE DATABASE ${database}`, 30_000)
  return url(database)
}
