import { nameInLog } from '#kernel/hash'
import { invalid } from '#kernel/problem'
import { logger } from '#ports/log'
import type { Context } from '../context.ts'
import type { Attempt } from './attempts.ts'
import type { HashingPool } from './hashing.ts'
import type { PasswordCheck } from './password-check.ts'
import { checkPassword, WeakPassword } from './password-rules.ts'
import { hashPassword } from './passwords.ts'
import { endOtherSessions } from './sessions.ts'

const log = logger('access')

/**
 * Gives an account another password, for whoever knows the one it has; its sessions end but for that of `token`.
 * @throws Problem 400 naming what is wrong with which of the two, 429 after too many attempts
 */
export async function changePassword(
  { database }: Context,
  { hashOf, pool }: { hashOf: PasswordCheck; pool: HashingPool },
  who: Attempt,
  { current, password, token }: { current: string; password: string; token: string },
): Promise<void> {
  const weakness = weaknessOf(password, current, who.email)
  if (weakness !== undefined) throw invalid([{ field: 'password', message: weakness }])
  const before = await hashOf(who, current)
  if (before === undefined) throw wrongCurrent()
  const hash = await pool.run(true, () => hashPassword(password))
  await database.transaction(async (statements) => {
    const changed = await statements.execute(
      'UPDATE orders.staff SET password_hash = $2 WHERE email = $1 AND password_hash = $3',
      [who.email, hash, before],
    )
    if (changed === 0) throw wrongCurrent()
    await endOtherSessions(statements, who.email, token)
  })
  log.info('staff changed their password', { account: nameInLog(who.email), place: who.place })
}

const wrongCurrent = () => invalid([{ field: 'current', message: 'this is not your password' }])

function weaknessOf(password: string, current: string, email: string): string | undefined {
  if (password === current) return 'this is the password that you have'
  try {
    checkPassword(password, email)
    return undefined
  } catch (error) {
    if (error instanceof WeakPassword) return error.message
    throw error
  }
}
