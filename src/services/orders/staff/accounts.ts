import { type Role, roles } from '#kernel/contract'
import type { Database } from '#ports/database'
import { checkPassword } from './password-rules.ts'
import { hashPassword } from './passwords.ts'
import { endSessions } from './sessions.ts'

/**
 * Adds a staff account, or gives an existing one this password and these roles and ends its sessions.
 * @throws WeakPassword for a password that is too short or too common
 */
export async function setAccount(
  database: Database,
  account: { email: string; password: string; roles: readonly Role[] },
): Promise<void> {
  checkPassword(account.password, account.email)
  const email = account.email.toLowerCase()
  const hash = await hashPassword(account.password)
  await database.transaction(async (statements) => {
    await statements.execute(
      `INSERT INTO orders.staff (email, password_hash, roles) VALUES ($1, $2, $3)
       ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash, roles = excluded.roles`,
      [email, hash, account.roles],
    )
    // Only then, for a log-in may have opened one until now.
    await endSessions(statements, email)
  })
}

/**
 * Makes the first staff account, with every role, where there is none yet. Of several processes that start at once one
 * makes it: the others leave it, and the sessions that were opened meanwhile, alone.
 */
export async function ensureFirstAccount(
  database: Database,
  email: string,
  password: string | undefined,
): Promise<void> {
  if (password === undefined) return
  const [row] = await database.query<{ any: boolean }>('SELECT EXISTS (SELECT FROM orders.staff) AS any', [])
  if (row?.any) return
  checkPassword(password, email)
  const hash = await hashPassword(password)
  await database.execute(
    `INSERT INTO orders.staff (email, password_hash, roles)
     SELECT $1, $2, $3::text[] WHERE NOT EXISTS (SELECT FROM orders.staff) ON CONFLICT DO NOTHING`,
    [email.toLowerCase(), hash, roles],
  )
}
