import { startLoop, systemClock } from '#ports/clock'
import { type Database, DatabaseBusy, DatabaseUnavailable, openDatabase } from '#ports/database'
import { logger } from '#ports/log'
import { listenForRings } from '#ports/postgres'
import {
  type Broker,
  type BrokerOptions,
  BrokerUnavailable,
  type DeadLetter,
  type DeadLetterFate,
  retryBaseMsDefault,
} from '../broker.ts'
import { startLog } from './log.ts'
import { startPublisher } from './publish.ts'
import { startQueue } from './queue.ts'
import { createSchema, prune } from './schema.ts'

const logged = logger('broker')

const doorbell = 'broker'
const ringSpacingMs = 10
const pruneEveryMs = 15_000
const deadLettersMax = 1000
const waitingCountedMax = 10_000

/**
 * A broker in tables of schema `broker`. Publishing is one insert; a doorbell tells the other processes that there is
 * something to read, and they look once a second as well, so a lost ring costs a second.
 */
export async function openPostgresBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const { applicationName, retryBaseMs = retryBaseMsDefault } = options
  const clock = systemClock
  await using opened = new AsyncDisposableStack()
  const database = opened.use(
    await openDatabase(url, { applicationName: `${applicationName} broker`, connectionsMax: 3 }),
  )
  await unlessAway(createSchema(database, clock))
  const ringer = startRinger(database)
  const pruner = startPruner(database)
  const publisher = startPublisher(database, clock, () => {
    pruner.noteDue()
    ringer.wake()
  })
  const log = startLog(database, clock, complain('cannot read messages'))
  const queues = new Set<Awaited<ReturnType<typeof startQueue>>>()
  let bell: Promise<AsyncDisposable> | undefined
  const hearBell = () => {
    bell ??= listenForRings(url, {
      applicationName: `${applicationName} doorbell`,
      channel: doorbell,
      onRing: () => {
        log.wake()
        for (const queue of queues) queue.wake()
      },
    })
    return bell
  }
  const rest = opened.move()

  return {
    publish: (messages) => unlessAway(publisher.publish(messages)),
    async subscribe(queue, topics, handler) {
      const onError = complain(`cannot read queue ${queue}`)
      const asked = { database, clock, queue, topics, handler, retryBaseMs, onError }
      const consumer = await unlessAway(startQueue(asked))
      queues.add(consumer)
      await hearBell()
      return {
        async [Symbol.asyncDispose]() {
          queues.delete(consumer)
          await consumer[Symbol.asyncDispose]()
        },
      }
    },
    async listen(topics, handler) {
      await hearBell()
      return await unlessAway(log.listen(topics, handler))
    },
    waiting: (queue) => unlessAway(waiting(database, queue)),
    deadLetters: (queue) => unlessAway(deadLetters(database, queue)),
    clearDeadLetters: (queue, ids, fate) =>
      unlessAway(clearDeadLetters(database, queue, ids, fate)).finally(() => ringer.wake()),
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]()
      await (await bell)?.[Symbol.asyncDispose]()
      await Promise.all([...queues, log, ringer, pruner].map((part) => part[Symbol.asyncDispose]()))
      await rest.disposeAsync()
    },
  }
}

/** Rings once for all that was published meanwhile. */
function startRinger(database: Database) {
  return startLoop({
    clock: systemClock,
    spacingMs: ringSpacingMs,
    work: async () => {
      await database.query('SELECT pg_notify($1, $2)', [doorbell, ''])
      return 'done'
    },
  })
}

/** Takes away what is past its limits, as long as something was published since it last looked. */
function startPruner(database: Database) {
  let isDue = true
  const loop = startLoop({
    clock: systemClock,
    everyMs: pruneEveryMs,
    work: async () => {
      if (!isDue) return 'done'
      isDue = false
      return await prune(database)
    },
  })
  const noteDue = () => {
    isDue = true
  }
  return { noteDue, [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose]() }
}

/** What is away is the broker, to whoever asks it. */
async function unlessAway<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof DatabaseUnavailable || error instanceof DatabaseBusy)
      throw new BrokerUnavailable(`the broker's database: ${error.message}`, { cause: error })
    throw error
  }
}

const complain = (what: string) => (error: unknown) => logged.warn('trying again', { what, error })

async function waiting(database: Database, queue: string): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM (SELECT FROM broker.deliveries WHERE queue = $1 LIMIT $2) d',
    [queue, waitingCountedMax],
  )
  return row?.n ?? 0
}

async function deadLetters(database: Database, queue: string): Promise<DeadLetter[]> {
  return database.query<DeadLetter>(
    `SELECT message_id::text AS id, topic, payload, attempt, queue, error,
            to_char(published_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "publishedAt"
       FROM broker.dead_letters WHERE queue = $1 ORDER BY died_at DESC, message_id DESC LIMIT $2`,
    [queue, deadLettersMax],
  )
}

/**
 * A message that was pruned meanwhile is put back as one of long ago, which no listener takes for news: transaction 3 is
 * older than any snapshot. Source: PostgreSQL manual, "Transactions and Identifiers".
 */
const retrySql = `
WITH taken AS (
  DELETE FROM broker.dead_letters WHERE queue = $1 AND message_id = ANY($2::bigint[]) RETURNING *),
back AS (
  INSERT INTO broker.messages (id, xid, topic, payload, published_at) OVERRIDING SYSTEM VALUE
  SELECT message_id, '3'::xid8, topic, payload, published_at FROM taken ON CONFLICT DO NOTHING)
INSERT INTO broker.deliveries (queue, message_id) SELECT queue, message_id FROM taken ON CONFLICT DO NOTHING`
const discardSql = `DELETE FROM broker.dead_letters WHERE queue = $1 AND message_id = ANY($2::bigint[])`

async function clearDeadLetters(
  database: Database,
  queue: string,
  ids: readonly string[],
  fate: DeadLetterFate,
): Promise<number> {
  const known = ids.filter((id) => /^\d{1,18}$/.test(id))
  return await database.execute(fate === 'retry' ? retrySql : discardSql, [queue, known])
}
