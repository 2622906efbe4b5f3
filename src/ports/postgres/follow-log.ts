import pg from 'pg'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { cut } from './ask-once.ts'
import { type Primary, primaryOf } from './find-primary.ts'
import { type LogChange, logReader, takenUpTo } from './log-messages.ts'

const log = logger('database')

export type FollowOptions = {
  applicationName: string
  clock: Clock
  /** What is told of: tables, and what of them. `CREATE PUBLICATION` made them; each row's first column is told. */
  publications: readonly string[]
  /** One process at a time follows under this name; others wait for it to go. Small letters, digits and `_`. */
  name: string
  /** From now on all is told. What was written before may never be. */
  onBegun: () => void
  /** In the order of commits, and all rows of one transaction before its commit. */
  onRow: (table: string, key: string) => void
  onEmptied: (table: string) => void
  onCommitted: () => void
}

export type LogFollower = AsyncDisposable & {
  /** Whether it is this process that follows just now. */
  readonly isFollowing: boolean
}

const connectTimeoutMs = 3_000
/** A server that says nothing for so long is not there any more; it is asked to say something three times as often. */
const silenceMaxMs = 15_000
const farewellMs = 500
const againMs = { away: 1_000, taken: 5_000, refused: 60_000 }

/**
 * Follows what a database writes by reading its log, whoever wrote it. It keeps no place in it: the server forgets it
 * with the connection, so that the log of a server never grows for somebody who has gone, and every new beginning says so.
 * Source: PostgreSQL manual, chapter 47 "Logical Decoding". It needs `wal_level=logical` and a user with REPLICATION.
 */
export function followLog(url: string, options: FollowOptions): LogFollower {
  const { clock } = options
  const primary = primaryOf(url)
  const stop = new AbortController()
  const state = { isFollowing: false }
  let lastSaid: string | undefined

  const run = async () => {
    while (!stop.signal.aborted) {
      let waitMs = againMs.away
      try {
        await follow(primary, options, stop.signal, () => {
          state.isFollowing = true
          lastSaid = undefined
          options.onBegun()
        })
      } catch (error) {
        const why = reasonOf(error)
        waitMs = againMs[why]
        if (why !== 'taken' && why !== lastSaid && !stop.signal.aborted) log.warn(sentences[why], { error })
        lastSaid = why
      }
      state.isFollowing = false
      // Called off by the end.
      await clock.sleep(waitMs, stop.signal).catch(() => undefined)
    }
  }
  const running = run()
  return {
    get isFollowing() {
      return state.isFollowing
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

const sentences = {
  away: 'the log of the database cannot be followed just now; it is tried again',
  refused:
    'the log of the database cannot be followed: it needs wal_level=logical and a user with REPLICATION',
}

/** Source: PostgreSQL manual, appendix A. */
function reasonOf(error: unknown): 'away' | 'taken' | 'refused' {
  const { code } = error as { code?: string }
  // The name of a slot, or the connections for followers, are taken.
  if (code === '42710' || code === '53300' || code === '53400') return 'taken'
  return code === '55000' || code === '42501' || code === '42704' ? 'refused' : 'away'
}

/** The driver's types leave its connection out. */
type Wire = {
  on(event: 'copyData', heard: (message: { chunk: Buffer }) => void): void
  once(event: 'replicationStart', heard: () => void): void
  sendCopyFromChunk(chunk: Buffer): void
}

/** Follows until the connection ends or `stop` does. @throws whatever ended it */
async function follow(
  primary: Primary,
  options: FollowOptions,
  stop: AbortSignal,
  onBegun: () => void,
): Promise<void> {
  const { clock, applicationName, publications, name } = options
  const client = new pg.Client({
    connectionString: await primary.find(connectTimeoutMs),
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // The driver knows it, its types do not.
    ...({ replication: 'database' } as object),
  })
  const { connection } = client as unknown as { connection: Wire }
  // What ends the connection also ends the query that lasts as long as it.
  client.on('error', () => undefined)
  const end = () => cut(client)
  stop.addEventListener('abort', end)
  let heardMs = clock.monotonicMs()
  let position = 0n
  const answer = () => connection.sendCopyFromChunk(takenUpTo(position, clock.now()))
  let answering: NodeJS.Timeout | undefined
  try {
    await client.connect()
    await client.query(`SET wal_sender_timeout = '${silenceMaxMs}ms'`)
    const { rows } = await client.query('SELECT oid FROM pg_database WHERE datname = current_database()')
    // Slots have one name per server.
    const slot = `${name}_${rows[0]?.oid}`
    await client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'nothing')`)
    connection.once('replicationStart', () => {
      answering = setInterval(() => {
        if (clock.monotonicMs() - heardMs > silenceMaxMs) end()
        else answer()
      }, silenceMaxMs / 3)
      onBegun()
    })
    const read = logReader()
    connection.on('copyData', ({ chunk }) => {
      heardMs = clock.monotonicMs()
      const message = read(chunk)
      if (message.position > position) position = message.position
      if (message.kind === 'change') tell(message.change, options)
      else if (message.wantsAnswer) answer()
    })
    const names = publications.map((each) => `"${each}"`).join(', ')
    await client.query(
      `START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', publication_names '${names}')`,
    )
  } catch (error) {
    primary.forget(primary.url)
    throw error
  } finally {
    clearInterval(answering)
    stop.removeEventListener('abort', end)
    // A server that can hear it is told: a connection that only breaks off is an error in its log, every few seconds.
    await Promise.race([client.end().catch(() => undefined), clock.sleep(farewellMs)])
    end()
  }
}

function tell(change: LogChange, { onRow, onEmptied, onCommitted }: FollowOptions): void {
  if (change.kind === 'row') onRow(change.table, change.key)
  else if (change.kind === 'committed') onCommitted()
  else if (change.kind === 'emptied') for (const table of change.tables) onEmptied(table)
}
