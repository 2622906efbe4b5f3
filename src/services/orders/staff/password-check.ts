import type { Context } from '../context.ts'
import { type Attempt, checkAttempt, noteFailure } from './attempts.ts'
import type { HashingPool } from './hashing.ts'
import { isPassword } from './passwords.ts'
import { queueByKey } from './queue-by-key.ts'

/**
 * The account's hash where this is its password: what follows goes by that and no other, for it may be changed meanwhile.
 * @throws Problem 429 where too many were wrong lately, or are asked at once
 */
export type PasswordCheck = (who: Attempt, password: string) => Promise<string | undefined>

/** Attempts at once: each takes a tenth of a second of a core, and its answer is waited for. */
const attemptsMax = { forOne: 20, forAll: 60, waitMs: 2_500 }

/** Compared against when there is no such account, so that guessing an email takes as long as guessing a password. */
const nobody = `scrypt$32768$8$3$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`

/** Checks passwords, slower or not at all where too many were wrong lately. */
export function createPasswordCheck({ database, clock }: Context, pool: HashingPool): PasswordCheck {
  // A crowd that guesses elsewhere takes nobody's place who is where they always are.
  const queues = { known: queueByKey(attemptsMax), strangers: queueByKey(attemptsMax) }
  return async (who, password) => {
    const known = await checkAttempt(database, who)
    const inQueue = known.isKnown ? queues.known : queues.strangers
    return await inQueue(known.isKnown ? `${who.email} ${who.place}` : who.email, async () => {
      // Those before it in the row may have failed meanwhile.
      const { isKnown, delayMs } = await checkAttempt(database, who)
      if (delayMs > 0) await clock.sleep(delayMs)
      const [account] = await database.query<{ passwordHash: string }>(
        'SELECT password_hash AS "passwordHash" FROM orders.staff WHERE email = $1',
        [who.email],
      )
      const isRight = await pool.run(isKnown, () => isPassword(password, account?.passwordHash ?? nobody))
      if (isRight && account !== undefined) return account.passwordHash
      await noteFailure(database, who)
      return undefined
    })
  }
}
