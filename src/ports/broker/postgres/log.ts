import { createPace } from '#kernel/pace'
import { type Clock, startLoop } from '#ports/clock'
import type { Database } from '#ports/database'
import { logger } from '#ports/log'
import type { Handler, Message } from '../broker.ts'

const log = logger('broker')

const pageMax = 500
const pollEveryMs = 1_000
/** A page is told at once while little happens; in a rush each look is for many. */
const readPace = { calmPerSecond: 40, calmMs: 5, rushMs: 50 }
/** A listener that takes longer than this over one message no longer holds up the next one. */
const handlerMaxMs = 10_000

export type Log = AsyncDisposable & {
  listen(topics: readonly string[], handler: Handler): Promise<AsyncDisposable>
  wake(): void
}

type Listener = { topics: ReadonlySet<string>; handler: Handler }
type Row = { id: number | null; topic: string; payload: unknown; publishedAt: string; snapshot: string }

/**
 * What became visible between two snapshots: complete and without repeats however transactions overlapped, where
 * "id greater than the last" would skip what committed out of order.
 * Source: PostgreSQL manual, "Transaction ID and Snapshot Information Functions".
 * $1 the snapshot read up to, $2 topics, $3 last id of the page before, $4 the snapshot that the pages lead up to, $5 limit
 */
const readPage = `
SELECT now.snapshot, m.id, m.topic, m.payload, to_char(m.published_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "publishedAt"
  FROM (SELECT pg_current_snapshot()::text AS snapshot) now
  LEFT JOIN LATERAL (
    SELECT id, topic, payload, published_at FROM broker.messages
     WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)
       AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
       AND ($4::text IS NULL OR pg_visible_in_snapshot(xid, $4::text::pg_snapshot))
       AND topic = ANY ($2) AND id > $3
     ORDER BY id LIMIT $5) m ON true
 ORDER BY m.id`

/** Reads the log of messages for the listeners of this process: one reader, however many listeners. */
export function startLog(database: Database, clock: Clock, onError: (error: unknown) => void): Log {
  const listeners = new Set<Listener>()
  /** Everything that this snapshot shows has been handed out; `undefined` before the first listener. */
  let cursor: string | undefined
  const pace = createPace(readPace)
  let spacingMs = readPace.calmMs

  const readOn = async (): Promise<void> => {
    if (cursor === undefined || listeners.size === 0) {
      const [row] = await database.query<{ snapshot: string }>(
        'SELECT pg_current_snapshot()::text AS snapshot',
        [],
      )
      cursor = row?.snapshot
      return
    }
    const topics = [...new Set([...listeners].flatMap((listener) => [...listener.topics]))]
    let target: string | null = null
    let after = 0
    let found = 0
    for (let full = true; full; ) {
      const rows: Row[] = await database.query<Row>(readPage, [cursor, topics, after, target, pageMax])
      target ??= rows[0]?.snapshot ?? null
      const messages = rows.filter((row) => row.id !== null).map(messageOf)
      after = Number(messages.at(-1)?.id ?? after)
      full = messages.length === pageMax
      found += messages.length
      await Promise.all([...listeners].map((listener) => hand(listener, messages, clock)))
    }
    cursor = target ?? cursor
    spacingMs = pace.rest(found, clock.monotonicMs())
  }

  let reading: Promise<void> = Promise.resolve()
  /** One read at a time, whoever asks for it. */
  const readInTurn = () => {
    // Whoever asked for the reading before this one was told that it failed.
    const next = reading.catch(() => undefined).then(readOn)
    reading = next
    return next
  }
  const loop = startLoop({
    clock,
    everyMs: pollEveryMs,
    spacingMs: () => spacingMs,
    onError,
    work: async () => {
      if (listeners.size > 0) await readInTurn()
      return 'done'
    },
  })

  return {
    async listen(topics, handler) {
      await readInTurn()
      const listener = { topics: new Set(topics), handler }
      listeners.add(listener)
      return {
        async [Symbol.asyncDispose]() {
          listeners.delete(listener)
        },
      }
    },
    wake: () => loop.wake(),
    async [Symbol.asyncDispose]() {
      listeners.clear()
      await loop[Symbol.asyncDispose]()
    },
  }
}

async function hand(listener: Listener, messages: readonly Message[], clock: Clock): Promise<void> {
  for (const message of messages) {
    if (!listener.topics.has(message.topic)) continue
    const enough = new AbortController()
    const handled = (async () => listener.handler(message))()
    const late = clock.sleep(handlerMaxMs, enough.signal).then(() => {
      throw new Error(`took longer than ${handlerMaxMs} ms`)
    })
    await Promise.race([handled, late]).catch((error: unknown) => {
      log.warn('a listener failed', { topic: message.topic, error })
    })
    enough.abort()
  }
}

function messageOf(row: Row): Message {
  return {
    id: String(row.id),
    topic: row.topic,
    payload: row.payload,
    publishedAt: row.publishedAt,
    attempt: 1,
  }
}
