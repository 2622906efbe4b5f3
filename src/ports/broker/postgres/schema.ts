import { backoffMs } from '#kernel/backoff'
import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'

/** Any constant that nobody else uses on the server. */
const schemaLock = 761_230_872
const pruneLock = 761_230_873

/** How long a starting process waits for a database that is away. */
const createWithinMs = 30_000

/** A listener that was cut off can catch up within these limits; messages that a queue still holds stay. */
const keepMessagesSeconds = 15 * 60
const keepMessagesMax = 50_000
const keepDeliveriesSeconds = 7 * 24 * 3600
const keepDeadLettersSeconds = 30 * 24 * 3600
const pruneBatch = 20_000

const ddl = `
CREATE SCHEMA IF NOT EXISTS broker;
CREATE TABLE IF NOT EXISTS broker.messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The transaction that published it: readers go by what a snapshot shows, because ids commit out of order.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  topic text NOT NULL,
  payload json NOT NULL,
  published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS messages_xid ON broker.messages (xid);
CREATE TABLE IF NOT EXISTS broker.bindings (
  topic text NOT NULL,
  queue text NOT NULL,
  PRIMARY KEY (topic, queue)
);
CREATE TABLE IF NOT EXISTS broker.deliveries (
  queue text NOT NULL,
  message_id bigint NOT NULL,
  -- Counts up at each claim, and so is the fence of the claim.
  attempt int NOT NULL DEFAULT 0,
  -- When it may be claimed: the end of a backoff, or of a claimant's lease.
  due_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (queue, message_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX IF NOT EXISTS deliveries_due ON broker.deliveries (queue, due_at, message_id);
CREATE TABLE IF NOT EXISTS broker.dead_letters (
  queue text NOT NULL,
  message_id bigint NOT NULL,
  topic text NOT NULL,
  payload json NOT NULL,
  published_at timestamptz NOT NULL,
  attempt int NOT NULL,
  error text NOT NULL,
  died_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (queue, message_id)
);`

/** Creates what is missing, once however many processes start together; waits for a database that is away. */
export async function createSchema(database: Database, clock: Clock): Promise<void> {
  const giveUpMs = clock.monotonicMs() + createWithinMs
  for (let attempt = 0; ; attempt++) {
    try {
      const rows = await database.query<{ present: boolean }>(
        `SELECT to_regclass('broker.dead_letters') IS NOT NULL AS present`,
      )
      if (rows[0]?.present) return
      await database.transaction(async (tx) => {
        await tx.query('SELECT pg_advisory_xact_lock($1)', [schemaLock])
        await tx.query(ddl)
      })
      return
    } catch (error) {
      if (clock.monotonicMs() > giveUpMs) throw error
      await clock.sleep(backoffMs(attempt, 0.5 + clock.random() / 2, 100, 2_000))
    }
  }
}

/**
 * Deletes what is past its limits, looking at the oldest messages only. `more` when all of those could go.
 * One process at a time does it; the others find the lock taken and leave it at that.
 */
export async function prune(database: Database): Promise<'more' | 'done'> {
  return database.transaction(async (tx) => {
    const [lock] = await tx.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
      pruneLock,
    ])
    if (!lock?.mine) return 'done'
    await tx.execute(
      `WITH late AS (
         DELETE FROM broker.deliveries d USING broker.messages m
          WHERE m.id IN (SELECT id FROM broker.messages ORDER BY id LIMIT $2)
            AND m.id = d.message_id AND m.published_at < now() - $1 * interval '1 second'
         RETURNING d.queue, m.id, m.topic, m.payload, m.published_at, d.attempt)
       INSERT INTO broker.dead_letters (queue, message_id, topic, payload, published_at, attempt, error)
       SELECT queue, id, topic, payload, published_at, attempt, 'nobody took it in time' FROM late
       ON CONFLICT DO NOTHING`,
      [keepDeliveriesSeconds, pruneBatch],
    )
    await tx.execute(`DELETE FROM broker.dead_letters WHERE died_at < now() - $1 * interval '1 second'`, [
      keepDeadLettersSeconds,
    ])
    const deleted = await tx.execute(
      `DELETE FROM broker.messages WHERE id IN (
         SELECT m.id FROM (SELECT id, published_at FROM broker.messages ORDER BY id LIMIT $3) m
          WHERE (m.published_at < now() - $1 * interval '1 second'
                 OR m.id <= (SELECT max(id) FROM broker.messages) - $2)
            AND NOT EXISTS (SELECT 1 FROM broker.deliveries d WHERE d.message_id = m.id))`,
      [keepMessagesSeconds, keepMessagesMax, pruneBatch],
    )
    return deleted === pruneBatch ? 'more' : 'done'
  })
}
