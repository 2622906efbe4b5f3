import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import type { ConnectionConfig } from 'mariadb'
import { logger } from '#ports/log'
import type { DatabaseOptions } from '../database.ts'

const log = logger('database')

export const connectTimeoutMs = 3_000
const statementTimeoutMsDefault = 15_000
const lockTimeoutMsDefault = 5_000
/** A process that freezes in the middle of a transaction gives its locks back. */
const idleInTransactionS = 5

export type Address = {
  connection: ConnectionConfig
  database: string
  /** All servers that it may be, where the URL names several; `connection` is the first. */
  servers: readonly ConnectionConfig[]
}

export const statementTimeoutOf = (options: DatabaseOptions) =>
  options.statementTimeoutMs ?? statementTimeoutMsDefault

/**
 * Reads `mariadb://user:password@host:3306/database`, several hosts parted by commas, with `?socket=/path` for a Unix socket, `?ssl=true` for TLS with a
 * certificate that is checked, and `?allowPublicKeyRetrieval=true` for MySQL's passwords without it.
 * @throws TypeError for an address without a usable database, or with an option that there is not
 */
export function addressOf(url: string, applicationName: string): Address {
  const [first = url, ...others] = addressesOf(url)
  const address = singleAddress(first, applicationName)
  const more = others.map((other) => singleAddress(other, applicationName).connection)
  return { ...address, servers: [address.connection, ...more] }
}

/**
 * The single addresses that one of several hosts stands for: `mariadb://user@a:3306,b:3306/books`.
 * A server that takes writes is the primary; whoever changes the primary sets `read_only` on all others first.
 */
export function addressesOf(url: string): string[] {
  const [, before = '', authority = '', after = ''] =
    /^([a-z]+:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/s.exec(url) ?? []
  return authority.split(',').map((host) => before + host + after)
}

function singleAddress(url: string, applicationName: string): Omit<Address, 'servers'> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  const database = decodeURIComponent(pathname.slice(1))
  if (!/^[a-z_][a-z0-9_]{0,63}$/.test(database))
    throw new TypeError(
      `the address of a MariaDB or MySQL database ends in its name, in small letters, digits and _: not "${database}"`,
    )
  const allowed = ['socket', 'ssl', 'allowPublicKeyRetrieval']
  const unknown = [...searchParams.keys()].filter((name) => !allowed.includes(name))
  if (unknown.length > 0)
    throw new TypeError(
      `"${unknown[0]}" is no option of a database's address; there is ${allowed.join(', ')}`,
    )
  const socketPath = searchParams.get('socket')
  const host = decodeURIComponent(hostname).replace(/^\[|\]$/g, '')
  return {
    database,
    connection: {
      ...(socketPath === null ? { host, port: port === '' ? 3306 : Number(port) } : { socketPath }),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database,
      connectTimeout: connectTimeoutMs,
      keepAliveDelay: 10_000,
      ssl: isOn(searchParams, 'ssl') && tlsWith(host),
      allowPublicKeyRetrieval: isOn(searchParams, 'allowPublicKeyRetrieval'),
      connectAttributes: { program_name: applicationName },
      // Counts and versions are far below 2^53, and a string in their place would compare wrongly.
      bigIntAsNumber: true,
      insertIdAsNumber: true,
      decimalAsNumber: true,
      checkNumberRange: true,
      timezone: 'Z',
      charset: 'utf8mb4',
      // A write that changes nothing counts as one that found its row.
      foundRows: true,
      pipelining: true,
      // Statements are named where they are sent; parameters would show in logs.
      logParam: false,
    },
  }
}

/** The driver by itself asks a server that is named by an IP address for a certificate of localhost. */
function tlsWith(host: string): ConnectionConfig['ssl'] {
  const options: ConnectionOptions = {
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  }
  return options
}

/** @throws TypeError for anything else: what is meant to be encrypted must not go in the clear for a word */
function isOn(options: URLSearchParams, name: string): boolean {
  const value = options.get(name) ?? 'false'
  if (value !== 'true' && value !== 'false')
    throw new TypeError(`"${name}" of a database's address is true or false, not "${value}"`)
  return value === 'true'
}

/**
 * What every session is set to.
 * @param known the server's settings that some versions have; each is set where it is there
 */
export function sessionSettings(options: DatabaseOptions, known: ReadonlySet<string>): string[] {
  // Whole seconds are all that a server takes.
  const lockS = Math.ceil((options.lockTimeoutMs ?? lockTimeoutMsDefault) / 1000)
  const statementMs = statementTimeoutOf(options)
  const whereThere: [name: string, value: number][] = [
    // MariaDB's is for every statement; MySQL's, in milliseconds, for SELECT alone.
    ['max_statement_time', statementMs / 1000],
    ['max_execution_time', statementMs],
    known.has('idle_transaction_timeout')
      ? ['idle_transaction_timeout', idleInTransactionS]
      : ['wait_timeout', idleInTransactionS],
  ]
  return [
    // By which triggers know the sessions of a program from those of a hand.
    `SET @application_name = '${options.applicationName.replace(/[^\w.-]/g, '')}'`,
    noRowLimit,
    'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    `SET SESSION ${[
      "time_zone = '+00:00'",
      // Whatever the server's own file says of these.
      ...['autocommit = 1', "completion_type = 'NO_CHAIN'", 'sql_safe_updates = 0'],
      ...['foreign_key_checks = 1', 'unique_checks = 1'],
      "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
      `innodb_lock_wait_timeout = ${lockS}`,
      `lock_wait_timeout = ${lockS}`,
      ...whereThere.filter(([name]) => known.has(name)).map(([name, value]) => `${name} = ${value}`),
    ].join(', ')}`,
  ]
}

/** What MariaDB takes by default, and MySQL more; no statement of ours exceeds it. */
const packetBytesMin = 16 * 1024 * 1024
const warnedOf = new Set<string>()

/**
 * Warns, once in a process, of a server's settings that cost something later: one that takes small statements ends the
 * connection of whoever sends a larger one, and an import would look for it for ever; one that does not wait for its disk
 * forgets with its machine what it has confirmed.
 */
export function warnOfSettings(known: ReadonlyMap<string, string>): void {
  const warn = (name: string, isWrong: (value: string) => boolean, better: string) => {
    const value = known.get(name)
    if (value === undefined || !isWrong(value) || warnedOf.has(name)) return
    warnedOf.add(name)
    log.warn(`a setting of the MariaDB or MySQL server should be ${better}`, { name, value })
  }
  warn('max_allowed_packet', (value) => Number(value) < packetBytesMin, `${packetBytesMin} or more`)
  warn('innodb_flush_log_at_trx_commit', (value) => !['1', '3'].includes(value), '1')
  if (known.get('log_bin') === 'ON') warn('sync_binlog', (value) => value !== '1', '1')
}

export const noRowLimit = 'SET SESSION sql_select_limit = 18446744073709551615'

/** Settings that not every server has; asked for by name, so that what it can is known and not guessed. */
export const capabilityQuery = `SHOW VARIABLES WHERE Variable_name IN
  ('max_statement_time', 'max_execution_time', 'idle_transaction_timeout', 'wait_timeout', 'max_allowed_packet',
   'innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin')`
