import type { Connection, ConnectionConfig } from 'mariadb'
import { type DatabaseOptions, DatabaseUnavailable } from '../database.ts'
import { end } from './end-connection.ts'
import { translated } from './errors.ts'
import { connectToPrimary } from './find-primary.ts'
import {
  type Address,
  capabilityQuery,
  connectTimeoutMs,
  noRowLimit,
  sessionSettings,
  warnOfSettings,
} from './settings.ts'
import { statementsOn } from './statements.ts'

const connectionsMaxDefault = 4
const acquireTimeoutMs = 5_000
const asideMax = 32

/** Connections that are lent, taken back, and given up for good once a prepared branch clings to them. */
export type Pool = AsyncDisposable & {
  /** @throws DatabaseUnavailable when none can be made, or none is given back in time */
  acquire(): Promise<Connection>
  release(connection: Connection): void
  /** It ends, and another one is made in its place `now` or when it is needed. */
  drop(connection: Connection, another: 'now' | 'when needed'): void
  /** It stays open for whoever took it, and leaves its place to another; false when there are too many such. */
  setAside(connection: Connection): boolean
  /** One that was set aside comes back, or ends: resolves when it has. */
  takeBack(connection: Connection, isUsable: boolean): Promise<void>
}

/** Connections are made when they are first needed: the driver's own pool keeps trying to have some open. */
export function createPool(address: Address, options: DatabaseOptions): Pool {
  const connectionsMax = options.connectionsMax ?? connectionsMaxDefault
  const connect = connector(address, options)
  const idle: Connection[] = []
  const waiting: Waiting = []
  const all = new Set<Connection>()
  const aside = new Set<Connection>()
  let opening = 0
  let ended = false

  const open = async () => {
    opening++
    try {
      const connection = await connect()
      if (ended) await end(connection)
      else all.add(connection)
      return connection
    } finally {
      opening--
    }
  }
  const give = (connection: Connection) => {
    const next = waiting.shift()
    if (next) next.resolve(connection)
    else idle.push(connection)
  }
  const hasRoom = () => !ended && all.size + opening < connectionsMax
  /** It goes to whoever waits first when it is there: who waits now may have given up by then. */
  const replace = () => {
    if (hasRoom())
      open().then(give, (error: unknown) => {
        // Whoever needs one later opens it, and is told why it cannot be.
        waiting.shift()?.reject(error)
        if (waiting.length > 0) replace()
      })
  }
  const forget = (connection: Connection) => {
    if (all.delete(connection)) void end(connection)
  }
  return {
    async acquire() {
      for (let free = idle.pop(); free !== undefined; free = idle.pop()) {
        if (free.isValid()) return free
        forget(free)
      }
      return hasRoom() ? await open() : await waitedFor(waiting)
    },
    release(connection) {
      if (connection.isValid() && !ended) return give(connection)
      forget(connection)
      if (waiting.length > 0) replace()
    },
    drop(connection, another) {
      forget(connection)
      if (another === 'now' || waiting.length > 0) replace()
    },
    setAside(connection) {
      if (ended || aside.size >= asideMax) return false
      all.delete(connection)
      aside.add(connection)
      if (waiting.length > 0) replace()
      return true
    },
    async takeBack(connection, isUsable) {
      // One that the pool has ended with everything else is not there any more.
      if (!aside.delete(connection)) return
      if (!isUsable || !hasRoom() || !connection.isValid()) return await end(connection)
      all.add(connection)
      give(connection)
    },
    async [Symbol.asyncDispose]() {
      ended = true
      const open = [...all, ...aside]
      aside.clear()
      await Promise.all(open.map(end))
    },
  }
}

/** Makes connections with the session's settings, once it is known which of them this server has. */
export function connector(
  { servers }: Address,
  options: DatabaseOptions,
  more: ConnectionConfig = {},
): () => Promise<Connection> {
  let initSql: string[] | undefined
  return async () => {
    try {
      const own = { ...more, ...(initSql && { initSql }) }
      const isSet = initSql !== undefined
      const opened = await connectToPrimary(servers.map((server) => ({ ...server, ...own })))
      // What is lost while nobody uses it is noticed when it is to be lent.
      opened.on('error', () => undefined)
      if (!isSet) initSql = await setFirst(opened, options)
      return opened
    } catch (error) {
      throw translated(error)
    }
  }
}

/** Sets the first connection once it is known what its server has. @returns how others are set */
async function setFirst(connection: Connection, options: DatabaseOptions): Promise<string[]> {
  try {
    const statements = statementsOn(connection, connectTimeoutMs)
    // A server's limit of rows is one of its answer as well.
    await statements.execute(noRowLimit)
    const rows = await statements.query<{ Variable_name: string; Value: string }>(capabilityQuery)
    const known = new Map(rows.map(({ Variable_name: name, Value: value }) => [name, value]))
    warnOfSettings(known)
    const settings = sessionSettings(options, new Set(known.keys()))
    for (const sql of settings) await statements.execute(sql)
    return settings
  } catch (error) {
    connection.destroy()
    throw error
  }
}

type Waiting = PromiseWithResolvers<Connection>[]

async function waitedFor(waiting: Waiting): Promise<Connection> {
  const one = Promise.withResolvers<Connection>()
  waiting.push(one)
  const timer = setTimeout(() => {
    waiting.splice(waiting.indexOf(one), 1)
    one.reject(new DatabaseUnavailable(`no connection was free within ${acquireTimeoutMs} ms`))
  }, acquireTimeoutMs)
  try {
    return await one.promise
  } finally {
    clearTimeout(timer)
  }
}
