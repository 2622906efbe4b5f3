import { backoffMs } from '#kernel/backoff'
import { createPace } from '#kernel/pace'
import { type Clock, startLoop } from '#ports/clock'
import type { Database } from '#ports/database'
import { attemptsMax, type Handler, inFlightMax, type Message, MessageUnusable } from '../broker.ts'

const pollEveryMs = 1_000
/** In a rush each look is for many: it costs as much as one for a single message. */
const claimPace = { calmPerSecond: 10, calmMs: 5, rushMs: 150 }
/** A subscriber that dies gives its messages to others after this long; one that lives renews in time. */
const leaseMs = 30_000
const retryMaxMs = 60_000
const errorLengthMax = 1_000

export type Queue = AsyncDisposable & { wake(): void }

export type QueueOptions = {
  database: Database
  clock: Clock
  queue: string
  topics: readonly string[]
  handler: Handler
  retryBaseMs: number
  onError: (error: unknown) => void
}

type Claim = { id: number; topic: string; payload: unknown; publishedAt: string; attempt: number }
type InFlight = { claim: Claim; renewedMs: number; outcome: Outcome }
type Outcome = { kind: 'running' } | { kind: 'done' } | { kind: 'failed'; error: string; isFinal: boolean }

const claimSql = `
WITH due AS (
  SELECT message_id FROM broker.deliveries
   WHERE queue = $1 AND due_at <= now() ORDER BY due_at, message_id LIMIT $2 FOR UPDATE SKIP LOCKED)
UPDATE broker.deliveries d SET attempt = d.attempt + 1, due_at = now() + $3 * interval '1 millisecond'
  FROM due JOIN broker.messages m ON m.id = due.message_id
 WHERE d.queue = $1 AND d.message_id = due.message_id
RETURNING m.id, m.topic, m.payload, to_char(m.published_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "publishedAt", d.attempt`

// The claim's attempt is its fence: a subscriber whose lease ran out changes nothing about its successor's claim.
const mine = `d.queue = $1 AND d.message_id = f.id AND d.attempt = f.attempt`
const doneSql = `DELETE FROM broker.deliveries d USING unnest($2::bigint[], $3::int[]) AS f (id, attempt) WHERE ${mine}`
const renewSql = `
UPDATE broker.deliveries d SET due_at = now() + f.ms * interval '1 millisecond'
  FROM unnest($2::bigint[], $3::int[], $4::float8[]) AS f (id, attempt, ms) WHERE ${mine}`
const burySql = `
WITH dead AS (
  DELETE FROM broker.deliveries d USING unnest($2::bigint[], $3::int[], $4::text[]) AS f (id, attempt, error)
   WHERE ${mine} RETURNING d.message_id, d.attempt, f.error)
INSERT INTO broker.dead_letters (queue, message_id, topic, payload, published_at, attempt, error)
SELECT $1, m.id, m.topic, m.payload, m.published_at, least(dead.attempt, $5), dead.error
  FROM dead JOIN broker.messages m ON m.id = dead.message_id
ON CONFLICT DO NOTHING`

/** Claims what is due for a queue, hands it to the handler, and writes down what came of it: done, again later, or dead. */
export async function startQueue(options: QueueOptions): Promise<Queue> {
  const { database, clock, queue, handler } = options
  await database.execute(
    `INSERT INTO broker.bindings (topic, queue) SELECT topic, $1 FROM unnest($2::text[]) AS topic ON CONFLICT DO NOTHING`,
    [queue, options.topics],
  )
  const inFlight = new Set<InFlight>()
  let closing = false
  let retryAtMs = Number.POSITIVE_INFINITY
  const pace = createPace(claimPace)
  let spacingMs = claimPace.calmMs

  const loop = startLoop({
    clock,
    everyMs: pollEveryMs,
    spacingMs: () => spacingMs,
    onError: options.onError,
    work: async () => {
      const nowMs = clock.monotonicMs()
      if (nowMs >= retryAtMs) retryAtMs = Number.POSITIVE_INFINITY
      retryAtMs = Math.min(retryAtMs, nowMs + (await writeOutcomes(options, inFlight)))
      const free = inFlightMax - inFlight.size
      if (closing || free === 0) return 'done'
      const claims = await database.query<Claim>(claimSql, [queue, free, leaseMs])
      spacingMs = pace.rest(claims.length, clock.monotonicMs())
      for (const claim of claims.sort((a, b) => a.id - b.id)) begin(claim)
      return claims.length === free ? 'more' : Math.max(1, retryAtMs - clock.monotonicMs())
    },
  })

  const begin = (claim: Claim) => {
    const entry: InFlight = { claim, renewedMs: clock.monotonicMs(), outcome: { kind: 'running' } }
    inFlight.add(entry)
    void outcomeOf(handler, claim).then((outcome) => {
      entry.outcome = outcome
      loop.wake()
    })
  }

  return {
    wake: () => loop.wake(),
    /** Finishes what is in flight, for up to a third of a lease; what is left goes to others when its lease ends. */
    async [Symbol.asyncDispose]() {
      closing = true
      const giveUpMs = clock.monotonicMs() + leaseMs / 3
      while (inFlight.size > 0 && clock.monotonicMs() < giveUpMs) {
        loop.wake()
        await clock.sleep(20)
      }
      await loop[Symbol.asyncDispose]()
    },
  }
}

async function outcomeOf(handler: Handler, claim: Claim): Promise<Outcome> {
  // It was claimed this often and never done: whoever takes it dies of it.
  if (claim.attempt > attemptsMax)
    return { kind: 'failed', error: 'its subscribers stopped while they handled it', isFinal: true }
  const message: Message = { ...claim, id: String(claim.id) }
  try {
    await handler(message)
    return { kind: 'done' }
  } catch (error) {
    return {
      kind: 'failed',
      error: String(error instanceof Error ? error.message : error).slice(0, errorLengthMax),
      isFinal: error instanceof MessageUnusable,
    }
  }
}

/**
 * Writes down what came of the claims in flight, and renews the leases of those still running.
 * @returns ms until the first retry that it planned, or infinity
 */
async function writeOutcomes(
  { database, clock, queue, retryBaseMs }: QueueOptions,
  inFlight: Set<InFlight>,
): Promise<number> {
  const nowMs = clock.monotonicMs()
  const entries = [...inFlight]
  const done = entries.filter(({ outcome }) => outcome.kind === 'done')
  const failed = entries.filter(({ outcome }) => outcome.kind === 'failed')
  const { dead = [], again = [] } = Object.groupBy(failed, (entry) => (isFinal(entry) ? 'dead' : 'again'))
  const renewed = entries.filter((e) => e.outcome.kind === 'running' && nowMs - e.renewedMs > leaseMs / 3)
  const waits = again.map(({ claim }) =>
    Math.ceil(backoffMs(claim.attempt - 1, 0.5 + clock.random() / 2, retryBaseMs, retryMaxMs)),
  )
  const keys = (some: readonly InFlight[]) => [some.map((e) => e.claim.id), some.map((e) => e.claim.attempt)]

  if (done.length > 0) await database.execute(doneSql, [queue, ...keys(done)])
  for (const entry of done) inFlight.delete(entry)
  if (dead.length > 0) await database.execute(burySql, [queue, ...keys(dead), dead.map(errorOf), attemptsMax])
  for (const entry of dead) inFlight.delete(entry)
  if (again.length + renewed.length > 0) {
    const ms = [...waits, ...renewed.map(() => leaseMs)]
    await database.execute(renewSql, [queue, ...keys([...again, ...renewed]), ms])
  }
  for (const entry of again) inFlight.delete(entry)
  for (const entry of renewed) entry.renewedMs = nowMs
  return Math.min(...waits) + 1
}

const isFinal = ({ claim, outcome }: InFlight) =>
  claim.attempt >= attemptsMax || (outcome.kind === 'failed' && outcome.isFinal)
const errorOf = ({ outcome }: InFlight) => (outcome.kind === 'failed' ? outcome.error : '')
