import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createConnection } from 'mariadb'
import { openServer, sharedServer, type TestScope, type TestServer } from './database.ts'
import { mariadbMissing } from './mariadb-server.ts'
import { until } from './until.ts'

/** Why tests on MariaDB are left out here; on a machine that must have everything this is a failure. */
export const mariadbSkipped = mariadbMissing()
assert.ok(!mariadbSkipped || process.env.CI !== 'true', String(mariadbSkipped))

/** Servers with other defaults there are still. */
const unicode = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'

/**
 * A fresh, empty database for one test on a MariaDB server that all tests of a run share, dropped when the test ends.
 * OCTAVO_TEST_MARIADB names another server by the URL of a database whose user may create others.
 * @param name letters, digits and underscores; the database's name starts with it
 */
export async function testMariadb(t: TestScope, name: string): Promise<{ url: string }> {
  const admin = process.env.OCTAVO_TEST_MARIADB ?? (await sharedServer('mariadb'))
  const database = `${name.toLowerCase().replace(/\W/g, '_').slice(0, 40)}_${randomBytes(5).toString('hex')}`
  await execute(admin, `CREATE DATABASE ${database} ${unicode}`)
  t.after(() => until(() => isDropped(admin, database), `${database} is dropped`))
  return { url: databaseOf(admin, database) }
}

/** A server of this test alone, to be killed and frozen. */
export const mariadbTestServer = (t: TestScope): Promise<TestServer> =>
  openServer(t, 'mariadb', async (admin, database) => {
    await execute(admin, `CREATE DATABASE IF NOT EXISTS ${database} ${unicode}`)
  })

function databaseOf(admin: string, database: string): string {
  const url = new URL(admin)
  url.pathname = `/${database}`
  return url.href
}

/** Those of the test itself are ended after this, as it made them later; a branch that is left clings to one of them. */
async function endConnections(admin: string, database: string): Promise<void> {
  const all = (await execute(admin, 'SELECT id, db FROM information_schema.processlist')) as {
    id: bigint | number
    db: string | null
  }[]
  for (const { id } of all.filter(({ db }) => db === database))
    await execute(admin, `KILL CONNECTION ${id}`).catch((error: { errno?: number }) => {
      if (error.errno !== noSuchThread) throw error
    })
}
/** It has ended by itself. */
const noSuchThread = 1094

/**
 * What is prepared or still under way keeps its tables from being dropped, and clings to its connection: that is ended, and
 * the next try finds it gone or free to be rolled back.
 */
async function isDropped(admin: string, database: string): Promise<boolean> {
  try {
    for (const id of await branchesOf(admin, database))
      await execute(admin, `XA ROLLBACK '${id}', '${database}'`)
    await execute(admin, 'SET SESSION lock_wait_timeout = 2', `DROP DATABASE IF EXISTS ${database}`)
    return true
  } catch (error) {
    const { errno } = error as { errno?: number }
    if (errno !== noSuchBranch && errno !== lockWaitTimeout) throw error
    await endConnections(admin, database)
    return false
  }
}
/** Nobody has it, or somebody still does. */
const noSuchBranch = 1397
const lockWaitTimeout = 1205

async function branchesOf(admin: string, database: string): Promise<string[]> {
  const branches = (await execute(admin, 'XA RECOVER')) as { gtrid_length: bigint; data: Buffer | string }[]
  return branches.flatMap(({ gtrid_length, data }) => {
    const [name, length] = [data.toString(), Number(gtrid_length)]
    return name.slice(length) === database ? [name.slice(0, length)] : []
  })
}

/** One after the other. @returns what the last one answers */
async function execute(url: string, ...statements: readonly string[]): Promise<unknown> {
  const { hostname, port, username, password, searchParams } = new URL(url)
  const connection = await createConnection({
    ...(searchParams.has('socket')
      ? { socketPath: searchParams.get('socket') ?? '' }
      : { host: hostname, port: Number(port || 3306) }),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connectTimeout: 20_000,
  })
  try {
    let answer: unknown
    for (const sql of statements) answer = await connection.query(sql)
    return answer
  } finally {
    await connection.end()
  }
}
