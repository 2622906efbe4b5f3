import type { Role } from '#kernel/contract'
import { Problem } from '#kernel/problem'
import { type Answer, answer, cookieOf, type HttpServer, sessionCookie } from '#ports/http'
import { getSession, introspectSession, logIn, logOut } from '#services/orders'
import type { Context } from '../context.ts'
import { isPassword } from './passwords.ts'
import { closeSession, memberOf, openSession, sessionHours } from './sessions.ts'
import { createTurns } from './turns.ts'

/** After so many failures within the window an account takes no more attempts until the window has passed. */
const failuresMax = 8
const windowMinutes = 10
/** Attempts at once: each takes a tenth of a second of a core, and its answer is waited for. */
const attemptsMax = { forOne: 20, forAll: 60 }

/** Compared against when there is no such account, so that guessing an email takes as long as guessing a password. */
const nobody = `scrypt$32768$8$3$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`

export function addStaffRoutes(server: HttpServer, context: Context): void {
  const { database } = context
  const inTurn = createTurns(attemptsMax)
  server.add(logIn, ({ body, headers }) => {
    const email = body.email.trim().toLowerCase()
    return inTurn(email, () => attempt(context, email, body.password, headers.accept ?? ''))
  })
  server.add(getSession, async ({ staff }) => ({
    email: staff?.email ?? '',
    roles: [...(staff?.roles ?? [])] as Role[],
  }))
  server.add(logOut, async ({ bearer, headers }) => {
    const token = bearer ?? cookieOf(headers.cookie, sessionCookie)
    if (token !== undefined) await closeSession(database, token)
    return answer(204, undefined, { 'set-cookie': cookieWith('', 0, context.config.publicUrl) })
  })
  server.add(introspectSession, async ({ body }) => {
    const member = await memberOf(database, body.token)
    return { member: member ? { email: member.email, roles: [...member.roles] } : null }
  })
}

/** Checks a password, unless too many were wrong lately, and opens a session. */
async function attempt(context: Context, email: string, password: string, accept: string): Promise<Answer> {
  const { database } = context
  await checkAttempts(context, email)
  const [account] = await database.query<{ passwordHash: string }>(
    'SELECT password_hash AS "passwordHash" FROM orders.staff WHERE email = $1',
    [email],
  )
  const right = await isPassword(password, account?.passwordHash ?? nobody)
  if (!right || account === undefined) {
    await noteFailure(context, email)
    throw new Problem(
      401,
      'wrong-credentials',
      'Wrong email or password.',
      {},
      { 'www-authenticate': 'Bearer' },
    )
  }
  await database.execute('DELETE FROM orders.login_failures WHERE email = $1', [email])
  const token = await openSession(database, email)
  const cookie = cookieWith(token, sessionHours * 3600, context.config.publicUrl)
  // A program asks for JSON by name; a browser's page asks for anything and gets the cookie alone.
  const wantsToken = /\bapplication\/json\b/.test(accept)
  const noStore = { 'cache-control': 'no-store' }
  return wantsToken
    ? answer(200, { token }, { ...noStore, 'set-cookie': cookie })
    : answer(204, undefined, { ...noStore, 'set-cookie': cookie })
}

/** Failures from before the window count no more and are forgotten, whosever they were. */
async function noteFailure({ database }: Context, email: string): Promise<void> {
  await database.execute(
    `WITH forgotten AS (DELETE FROM orders.login_failures WHERE at < now() - make_interval(mins => $2))
     INSERT INTO orders.login_failures (email) VALUES ($1)`,
    [email, windowMinutes],
  )
}

async function checkAttempts(context: Context, email: string): Promise<void> {
  const [row] = await context.database.query<{ failures: number; waitSeconds: number }>(
    `SELECT count(*)::int AS failures,
            ceil(extract(epoch FROM coalesce(min(at), now()) + make_interval(mins => $2) - now()))::int AS "waitSeconds"
       FROM orders.login_failures WHERE email = $1 AND at > now() - make_interval(mins => $2)`,
    [email, windowMinutes],
  )
  if ((row?.failures ?? 0) < failuresMax) return
  throw new Problem(
    429,
    'too-many-attempts',
    'Too many failed log-ins for this account.',
    {},
    {
      'retry-after': String(Math.max(1, row?.waitSeconds ?? 60)),
    },
  )
}

/** `Secure` wherever the shop is reached by https. Source: RFC 6265bis section 4.1. */
function cookieWith(value: string, maxAgeSeconds: number, publicUrl: string): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : ''
  return `${sessionCookie}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`
}
