import { startLoop, systemClock } from '#ports/clock'
import { type Database, openDatabase } from '#ports/database'
import { listenForRings } from '#ports/postgres'
import type { Broker, BrokerOptions, DeadLetter } from './port.ts'
import { startLog } from './postgres-log.ts'
import { startPublisher } from './postgres-publish.ts'
import { startQueue } from './postgres-queue.ts'
import { createSchema, prune } from './postgres-schema.ts'

const doorbell = 'broker'
const ringSpacingMs = 10
const pruneEveryMs = 15_000
const deadLettersMax = 1000

/**
 * A broker in tables of schema `broker`. Publishing is one insert; a doorbell tells the other processes that there is
 * something to read, and they look once a second as well, so a lost ring costs a second.
 */
export async function openPostgresBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const clock = systemClock
  const database = await openDatabase(url, {
    applicationName: `${options.applicationName} broker`,
    connectionsMax: 3,
  })
  try {
    await createSchema(database, clock)
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }

  const complain = (what: string) => (error: unknown) =>
    console.warn(`broker: ${what}, trying again: ${error instanceof Error ? error.message : String(error)}`)
  let published = true
  const ringer = startLoop({
    clock,
    spacingMs: ringSpacingMs,
    work: async () => {
      await database.query(`SELECT pg_notify($1, '')`, [doorbell])
      return 'done'
    },
  })
  const pruner = startLoop({
    clock,
    everyMs: pruneEveryMs,
    work: async () => {
      if (!published) return 'done'
      published = false
      return prune(database)
    },
  })
  const publisher = startPublisher(database, clock, () => {
    published = true
    ringer.wake()
  })
  const log = startLog(database, clock, complain('cannot read messages'))
  const queues = new Set<Awaited<ReturnType<typeof startQueue>>>()
  let bell: Promise<AsyncDisposable> | undefined
  const hearBell = () => {
    bell ??= listenForRings(url, {
      applicationName: `${options.applicationName} doorbell`,
      channel: doorbell,
      onRing: () => {
        log.wake()
        for (const queue of queues) queue.wake()
      },
    })
    return bell
  }

  return {
    publish: (messages) => publisher.publish(messages),
    async subscribe(queue, topics, handler) {
      const consumer = await startQueue({
        database,
        clock,
        queue,
        topics,
        handler,
        retryBaseMs: options.retryBaseMs ?? 500,
        onError: complain(`cannot read queue ${queue}`),
      })
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
      return log.listen(topics, handler)
    },
    deadLetters: (queue) => deadLetters(database, queue),
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]()
      await (await bell)?.[Symbol.asyncDispose]()
      await Promise.all([...queues, log, ringer, pruner].map((part) => part[Symbol.asyncDispose]()))
      await database[Symbol.asyncDispose]()
    },
  }
}

async function deadLetters(database: Database, queue: string): Promise<DeadLetter[]> {
  return database.query<DeadLetter>(
    `SELECT message_id::text AS id, topic, payload, attempt, queue, error,
            to_char(published_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "publishedAt"
       FROM broker.dead_letters WHERE queue = $1 ORDER BY died_at DESC, message_id DESC LIMIT $2`,
    [queue, deadLettersMax],
  )
}
