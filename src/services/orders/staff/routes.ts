import type { Role } from '#kernel/contract'
import { nameInLog } from '#kernel/hash'
import { notFound, Problem } from '#kernel/problem'
import { type Answer, answer, type HttpServer, networkOf, sessionTokenOf } from '#ports/http'
import { logger } from '#ports/log'
import {
  changePassword as changePasswordRoute,
  endSession,
  endSessions as endSessionsRoute,
  getSession,
  introspectSession,
  listSessions,
  logIn,
  logOut,
} from '#services/orders'
import type { Context } from '../context.ts'
import { type Attempt, noteSuccess } from './attempts.ts'
import { changePassword } from './change-password.ts'
import { cookieWith } from './cookie.ts'
import { createHashingPool } from './hashing.ts'
import { createPasswordCheck, type PasswordCheck } from './password-check.ts'
import { closeSession, endSessions, memberOf, openSession, sessionHours, sessionsOf } from './sessions.ts'

const log = logger('access')

type Headers = Readonly<Record<string, string | undefined>>

export function addStaffRoutes(server: HttpServer, context: Context): void {
  const { database } = context
  const pool = createHashingPool()
  const hashOf = createPasswordCheck(context, pool)
  server.add(logIn, ({ body, headers }) => {
    const email = body.email.trim().toLowerCase()
    return open(context, hashOf, { email, place: placeOf(headers) }, body.password, headers)
  })
  server.add(changePasswordRoute, async ({ body, staff, bearer, headers }) => {
    const who = { email: staff?.email ?? '', place: placeOf(headers) }
    const wanted = { ...body, token: tokenOf(bearer, headers) ?? '' }
    await changePassword(context, { hashOf, pool }, who, wanted)
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

const placeOf = (headers: Headers) => networkOf(headers['x-forwarded-for'] ?? '')

const tokenOf = (bearer: string | undefined, headers: Headers) => bearer ?? sessionTokenOf(headers.cookie)

/** Opens a session for whoever has the right password. */
async function open(
  { database, config }: Context,
  hashOf: PasswordCheck,
  who: Attempt,
  password: string,
  headers: Headers,
): Promise<Answer> {
  const told = { account: nameInLog(who.email), place: who.place, requestId: headers['x-request-id'] ?? '' }
  const hash = await hashOf(who, password)
  const program = headers['user-agent'] ?? ''
  const token = hash === undefined ? undefined : await openSession(database, who.email, program, hash)
  if (token === undefined) {
    log.info('a log-in failed', told)
    throw wrongCredentials()
  }
  log.info('staff logged in', told)
  await noteSuccess(database, who)
  const cookie = cookieWith(token, sessionHours * 3600, config.publicUrl)
  // A program asks for JSON by name; a browser's page asks for anything and gets the cookie alone.
  const wantsToken = /\bapplication\/json\b/.test(headers.accept ?? '')
  const noStore = { 'cache-control': 'no-store', 'set-cookie': cookie }
  return wantsToken ? answer(200, { token }, noStore) : answer(204, undefined, noStore)
}

const wrongCredentials = () =>
  new Problem(401, 'wrong-credentials', 'Wrong email or password.', {}, { 'www-authenticate': 'Bearer' })
