import { Problem } from '#kernel/problem'
import type { Database } from '#ports/database'

/** Failures from places that do not know the account, before it takes no more from such places for a while. */
const failuresMax = 8
/** Failures of one place, whatever accounts it tries. */
const placeFailuresMax = 100
const windowMinutes = 10
/** Each further failure doubles the wait, up to the window. */
const firstWaitSeconds = 30
/** Where the right password has come from before nobody is refused; guessing there gets slow instead. */
const freeTries = 3
const delayMaxMs = 4_000

export type Attempt = { email: string; place: string }
export type Verdict = { isKnown: boolean; delayMs: number }

type Row = { known: boolean; here: number; elsewhere: number; byPlace: number; sinceSeconds: number }

/**
 * What an attempt at a log-in has to expect, before its password is looked at. Whether there is such an account makes no
 * difference to a place that does not know it.
 * @throws Problem 429
 */
export async function checkAttempt(database: Database, { email, place }: Attempt): Promise<Verdict> {
  const [row] = await database.query<Row>(
    `SELECT EXISTS (SELECT FROM orders.login_places WHERE email = $1 AND place = $2) AS known,
            count(*) FILTER (WHERE email = $1 AND place = $2)::int AS here,
            count(*) FILTER (WHERE email = $1)::int AS elsewhere,
            count(*) FILTER (WHERE place = $2)::int AS "byPlace",
            coalesce(extract(epoch FROM now() - max(at)), 0)::int AS "sinceSeconds"
       FROM orders.login_failures
      WHERE (email = $1 OR place = $2) AND at > now() - make_interval(mins => $3)`,
    [email, place, windowMinutes],
  )
  if (row === undefined) return { isKnown: false, delayMs: 0 }
  if (row.known) return { isKnown: true, delayMs: delayAfter(row.here) }
  const over = Math.max(row.elsewhere - failuresMax, row.byPlace - placeFailuresMax)
  if (over < 0) return { isKnown: false, delayMs: delayAfter(row.here) }
  const waitSeconds = Math.min(windowMinutes * 60, firstWaitSeconds * 2 ** Math.min(over, 10))
  const leftSeconds = waitSeconds - row.sinceSeconds
  // Whoever waits as told may try once more.
  if (leftSeconds <= 0) return { isKnown: false, delayMs: delayAfter(row.here) }
  throw new Problem(
    429,
    'too-many-attempts',
    'Too many failed log-ins for this account.',
    {},
    { 'retry-after': String(leftSeconds) },
  )
}

const delayAfter = (failures: number) =>
  failures < freeTries ? 0 : Math.min(delayMaxMs, 125 * 2 ** Math.min(failures - freeTries, 10))

/** Failures from before the window count no more and are forgotten, whosever they were. */
export async function noteFailure(database: Database, { email, place }: Attempt): Promise<void> {
  await database.execute(
    `WITH forgotten AS (DELETE FROM orders.login_failures WHERE at < now() - make_interval(mins => $3))
     INSERT INTO orders.login_failures (email, place) VALUES ($1, $2)`,
    [email, place, windowMinutes],
  )
}

/** The right password came from here: it is remembered, for a few places and a season. */
export async function noteSuccess(database: Database, { email, place }: Attempt): Promise<void> {
  await database.execute(
    `WITH forgiven AS (DELETE FROM orders.login_failures WHERE email = $1 AND place = $2),
          forgotten AS (
            DELETE FROM orders.login_places WHERE email = $1 AND place <> $2 AND (at < now() - interval '90 days'
              OR place NOT IN (SELECT place FROM orders.login_places WHERE email = $1 ORDER BY at DESC LIMIT 20)))
     INSERT INTO orders.login_places (email, place) VALUES ($1, $2)
     ON CONFLICT (email, place) DO UPDATE SET at = now()`,
    [email, place],
  )
}
