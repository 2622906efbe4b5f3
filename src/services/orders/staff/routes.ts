import type { Role } from '#kernel/contract'
import { nameInLog } from '#kernel/hash'
import { notFound, Problem } from '#kernel/problem'
import { type Answer, answer, type HttpServer, sessionTokenOf } from '#ports/http'
import { logger } from '#ports/log'
import {
  endSession,
  endSessions as endSessionsRoute,
  getSession,
  introspectSession,
  listSessions,
  logIn,
  logOut,
} from '#services/orders'
import type { Context } from '../context.ts'
import { type Attempt, checkAttempt, noteFailure, noteSuccess } from './attempts.ts'
import { cookieWith } from './cookie.ts'
import { createHashingPool, type HashingPool } from './hashing.ts'
import { isPassword } from './passwords.ts'
import { closeSession, endSessions, memberOf, openSession, sessionHours, sessionsOf } from './sessions.ts'
import { createTurns } from './turns.ts'

const log = logger('access')

/** Attempts at once: each takes a tenth of a second of a core, and its answer is waited for. */
const attemptsMax = { forOne: 20, forAll: 60 }

/** Compared against when there is no such account, so that guessing an email takes as long as guessing a password. */
const nobody = `scrypt$32768$8$3$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`

type Headers = Readonly<Record<string, string | undefined>>

export function addStaffRoutes(server: HttpServer, context: Context): void {
  const { database } = context
  // By account and place: a crowd that guesses elsewhere takes nobody's turn who is where they always are.
  const inTurn = createTurns(attemptsMax)
  const pool = createHashingPool()
  server.add(logIn, ({ body, headers }) => {
    const email = body.email.trim().toLowerCase()
    const place = headers['x-forwarded-for'] ?? ''
    return attempt(context, pool, inTurn, { email, place }, body.password, headers)
  })
  server.add(getSession, async ({ staff }) => ({
    email: staff?.email ?? '',
    roles: [...(staff?.roles ?? [])] as Role[],
  }))
  server.add(logOut, async ({ bearer, headers }) => {
    const token = tokenOf(bearer, headers)
    if (token !== undefined) await closeSession(database, token)
    return answer(204, undefined, { 'set-cookie': cookieWith('', 0, context.config.publicUrl) })
  })
  server.add(introspectSession, async ({ body }) => {
    const member = await memberOf(database, body.token)
    return { member: member ? { email: member.email, roles: [...member.roles] } : null }
  })
  addSessionRoutes(server, context)
}

/** Everybody's own sessions, and nobody else's. */
function addSessionRoutes(server: HttpServer, { database, config }: Context): void {
  server.add(listSessions, async ({ staff, bearer, headers }) => {
    const rows = await sessionsOf(database, staff?.email ?? '', tokenOf(bearer, headers) ?? '')
    const items = rows.map(({ createdAt, usedAt, expiresAt, ...row }) => ({
      ...row,
      createdAt: createdAt.toISOString(),
      usedAt: usedAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
    }))
    return { items, total: items.length, totalIsLowerBound: false, next: null }
  })
  server.add(endSessionsRoute, async ({ staff }) => {
    await endSessions(database, staff?.email ?? '')
    return answer(204, undefined, { 'set-cookie': cookieWith('', 0, config.publicUrl) })
  })
  server.add(endSession, async ({ staff, params }) => {
    if ((await endSessions(database, staff?.email ?? '', params.id)) === 0) throw notFound('such session')
  })
}

const tokenOf = (bearer: string | undefined, headers: Headers) => bearer ?? sessionTokenOf(headers.cookie)

/** Checks a password, slower or not at all where too many were wrong lately, and opens a session. */
async function attempt(
  context: Context,
  pool: HashingPool,
  inTurn: ReturnType<typeof createTurns>,
  who: Attempt,
  password: string,
  headers: Headers,
): Promise<Answer> {
  const { database, clock } = context
  const known = await checkAttempt(database, who)
  const isRight = await inTurn(known.isKnown ? `${who.email} ${who.place}` : who.email, async () => {
    // Those before it in the row may have failed meanwhile.
    const { isKnown, delayMs } = await checkAttempt(database, who)
    if (delayMs > 0) await clock.sleep(delayMs)
    const [account] = await database.query<{ passwordHash: string }>(
      'SELECT password_hash AS "passwordHash" FROM orders.staff WHERE email = $1',
      [who.email],
    )
    const right = await pool.run(isKnown, () => isPassword(password, account?.passwordHash ?? nobody))
    if (right && account !== undefined) return true
    await noteFailure(database, who)
    return false
  })
  const told = { account: nameInLog(who.email), place: who.place, requestId: headers['x-request-id'] ?? '' }
  if (!isRight) {
    log.info('a log-in failed', told)
    throw wrongCredentials()
  }
  log.info('staff logged in', told)
  await noteSuccess(database, who)
  const token = await openSession(database, who.email, headers['user-agent'] ?? '')
  const cookie = cookieWith(token, sessionHours * 3600, context.config.publicUrl)
  // A program asks for JSON by name; a browser's page asks for anything and gets the cookie alone.
  const wantsToken = /\bapplication\/json\b/.test(headers.accept ?? '')
  const noStore = { 'cache-control': 'no-store', 'set-cookie': cookie }
  return wantsToken ? answer(200, { token }, noStore) : answer(204, undefined, noStore)
}

const wrongCredentials = () =>
  new Problem(401, 'wrong-credentials', 'Wrong email or password.', {}, { 'www-authenticate': 'Bearer' })
