import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/hash'
import type { Statements } from '#ports/database'
import type { StaffMember } from '#ports/http'

export const sessionHours = 12

/** Opens a session. @returns its token, kept only as a hash */
export async function openSession(statements: Statements, email: string): Promise<string> {
  const token = `staff_${randomBytes(32).toString('base64url')}`
  await statements.execute(
    `INSERT INTO orders.sessions (token_hash, email, expires_at) VALUES ($1, $2, now() + make_interval(hours => $3))`,
    [hashOf(token), email, sessionHours],
  )
  await statements.execute('DELETE FROM orders.sessions WHERE expires_at < now()', [])
  return token
}

export async function closeSession(statements: Statements, token: string): Promise<void> {
  await statements.execute('DELETE FROM orders.sessions WHERE token_hash = $1', [hashOf(token)])
}

/** Whose session this is, as OrderDb's primary knows it now. */
export async function memberOf(statements: Statements, token: string): Promise<StaffMember | undefined> {
  if (!token.startsWith('staff_')) return undefined
  const [row] = await statements.query<StaffMember>(
    `SELECT s.email, s.roles FROM orders.sessions JOIN orders.staff s USING (email)
      WHERE token_hash = $1 AND expires_at > now()`,
    [hashOf(token)],
  )
  return row
}

const hashOf = (token: string) => Buffer.from(sha256(token), 'hex')
