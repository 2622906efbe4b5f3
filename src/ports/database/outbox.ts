import { createPace } from '#kernel/pace'
import { type Clock, startLoop } from '#ports/clock'
import { logger } from '#ports/log'
import type { Database } from './database.ts'

const log = logger('outbox')

export type OutboxRelay = AsyncDisposable & {
  /** Call after a commit that wrote to the outbox: its messages go out at once instead of within a second. */
  ring(): void
}

export type OutboxRelayOptions = {
  database: Database
  /** The schema of the table `outbox`, which has at least `id`, `topic` and `payload`. */
  schema: string
  /** Where the messages go; resolves when they are durable there. */
  broker: { publish(messages: readonly { topic: string; payload: unknown }[]): Promise<void> }
  clock: Clock
}

const batchMax = 500
const pollEveryMs = 1_000
/** On closing, the broker has this long to take what is on its way to it; what it did not take stays in the table. */
const lastPublishMs = 1_000
/** The first of many rings is followed at once, the others together, and in a rush many of them. */
const ringPace = { calmPerSecond: 20, calmMs: 50, rushMs: 200 }

/**
 * Carries messages from a service's outbox to whatever broker there is, at least once and in order of writing as far as
 * one relay goes: the rows are deleted in a transaction that commits only after the broker has them. Any number of relays
 * may share a table.
 */
export function startOutboxRelay({ database, schema, broker, clock }: OutboxRelayOptions): OutboxRelay {
  if (!/^[a-z_][a-z0-9_]*$/.test(schema)) throw new Error(`not a schema name: ${schema}`)
  const take = `SELECT id, topic, payload FROM ${schema}.outbox ORDER BY id LIMIT ${batchMax} FOR UPDATE SKIP LOCKED`

  const pace = createPace(ringPace)
  let spacingMs = ringPace.calmMs

  const stop = new AbortController()
  const late = Promise.withResolvers<never>()
  // Told to whoever publishes then.
  late.promise.catch(() => undefined)

  const drain = () =>
    database.transaction(async (tx) => {
      const rows = await tx.query<{ id: number; topic: string; payload: unknown }>(take, [])
      spacingMs = pace.rest(rows.length, clock.monotonicMs())
      if (rows.length === 0) return 'done'
      const deleted = tx.execute(
        `DELETE FROM ${schema}.outbox WHERE id IN (${rows.map(({ id }) => Number(id)).join(', ')})`,
      )
      const published = broker.publish(rows.map(({ topic, payload }) => ({ topic, payload })))
      await Promise.all([deleted, Promise.race([published, late.promise])])
      return rows.length === batchMax ? 'more' : 'done'
    })

  const loop = startLoop({
    clock,
    everyMs: pollEveryMs,
    spacingMs: () => spacingMs,
    work: drain,
    onError: (error) => {
      if (!stop.signal.aborted) log.warn('trying again', { schema, error })
    },
  })
  return {
    ring: () => loop.wake(),
    async [Symbol.asyncDispose]() {
      stop.abort()
      const done = new AbortController()
      clock.sleep(lastPublishMs, done.signal).then(
        () => late.reject(new Error('the broker has not taken what was on its way to it')),
        // Called off by the end.
        () => undefined,
      )
      await loop[Symbol.asyncDispose]()
      done.abort()
    },
  }
}
