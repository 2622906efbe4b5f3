import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/hash'
import type { Statements } from '#ports/database'
import type { StaffMember } from '#ports/http'

/** A session ends so long after its log-in, and earlier when nobody has used it for a while. */
export const sessionHours = 12
const idleMinutes = 60
/** The oldest sessions of an account end when it opens more. */
const sessionsMax = 20
/** Using a session is noted so often. */
const noteSeconds = 60
const programCharactersMax = 200

export type SessionRow = {
  id: string
  createdAt: Date
  usedAt: Date
  expiresAt: Date
  program: string
  isCurrent: boolean
}

const isAlive = `expires_at > now() AND used_at > now() - interval '${idleMinutes} minutes'`

/** What somebody has shown who logs in: that the password fits this hash, and whether a second factor. */
export type Shown = {
  passwordHash: string
  secondFactor: boolean
  /** Whether the session has no role until its account has a second factor. */
  needsFactor?: boolean
}

/**
 * Opens a session, kept only by its token's hash.
 * @param shown what the account still has to ask for, and no more
 * @returns the token; undefined where it asks for something else by now, or there is no such account
 */
export async function openSession(
  statements: Statements,
  email: string,
  program: string,
  shown?: Shown,
): Promise<string | undefined> {
  const token = `staff_${randomBytes(32).toString('base64url')}`
  // Whoever changes the password or takes a second factor waits, and then ends this session too.
  const opened = await statements.execute(
    `INSERT INTO orders.sessions (token_hash, email, expires_at, program, needs_factor)
     SELECT $1, email, now() + make_interval(hours => $3), $4, $7 FROM orders.staff
      WHERE email = $2 AND ($5::text IS NULL OR password_hash = $5 AND (code_key IS NULL OR $6)) FOR SHARE`,
    [
      ...[hashOf(token), email, sessionHours, program.slice(0, programCharactersMax)],
      ...[shown?.passwordHash ?? null, shown?.secondFactor ?? false, shown?.needsFactor ?? false],
    ],
  )
  if (opened === 0) return undefined
  await statements.execute(
    `DELETE FROM orders.sessions WHERE NOT (${isAlive})
        OR (email = $1 AND id NOT IN (SELECT id FROM orders.sessions WHERE email = $1 ORDER BY used_at DESC, created_at DESC LIMIT $2))`,
    [email, sessionsMax],
  )
  return token
}

export async function closeSession(statements: Statements, token: string): Promise<void> {
  await statements.execute('DELETE FROM orders.sessions WHERE token_hash = $1', [hashOf(token)])
}

/** Whose session this is, as OrderDb's primary knows it now; it counts as use of it. */
export async function memberOf(statements: Statements, token: string): Promise<StaffMember | undefined> {
  if (!token.startsWith('staff_')) return undefined
  const [row] = await statements.query<StaffMember & { isDue: boolean }>(
    `SELECT s.email, CASE WHEN needs_factor AND code_key IS NULL THEN '{}' ELSE s.roles END AS roles, used_at < now() - make_interval(secs => $2) AS "isDue"
       FROM orders.sessions JOIN orders.staff s USING (email) WHERE token_hash = $1 AND ${isAlive}`,
    [hashOf(token), noteSeconds],
  )
  if (row === undefined) return undefined
  if (row.isDue)
    await statements.execute('UPDATE orders.sessions SET used_at = now() WHERE token_hash = $1', [
      hashOf(token),
    ])
  return { email: row.email, roles: row.roles }
}

/** The sessions of an account that are open, the last used first. @param token of the one that asks */
export async function sessionsOf(
  statements: Statements,
  email: string,
  token: string,
): Promise<SessionRow[]> {
  return await statements.query<SessionRow>(
    `SELECT id, created_at AS "createdAt", used_at AS "usedAt", expires_at AS "expiresAt", program,
            token_hash = $2 AS "isCurrent"
       FROM orders.sessions WHERE email = $1 AND ${isAlive} ORDER BY used_at DESC, created_at DESC`,
    [email, hashOf(token)],
  )
}

/** Ends one session of an account, or all of them. @returns how many there were */
export async function endSessions(statements: Statements, email: string, id?: string): Promise<number> {
  const rows = await statements.query<{ id: string }>(
    'DELETE FROM orders.sessions WHERE email = $1 AND ($2::uuid IS NULL OR id = $2) RETURNING id',
    [email, id ?? null],
  )
  return rows.length
}

/** Ends the sessions of an account but for the one of this token. */
export async function endOtherSessions(statements: Statements, email: string, token: string): Promise<void> {
  await statements.execute('DELETE FROM orders.sessions WHERE email = $1 AND token_hash <> $2', [
    email,
    hashOf(token),
  ])
}

const hashOf = (token: string) => Buffer.from(sha256(token), 'hex')
