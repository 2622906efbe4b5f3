import type { BodyOf, Role } from '#kernel/contract'
import { nameInLog } from '#kernel/hash'
import { invalid, notFound, Problem } from '#kernel/problem'
import { type Answer, answer, type HttpServer, networkOf, sessionTokenOf } from '#ports/http'
import { logger } from '#ports/log'
import {
  changePassword as changePasswordRoute,
  confirmSecondFactor,
  endSession,
  endSessions as endSessionsRoute,
  getSession,
  introspectSession,
  listSessions,
  logIn,
  logOut,
  offerSecondFactor,
} from '#services/orders'
import type { Context } from '../context.ts'
import { type Attempt, noteFailure, noteSuccess } from './attempts.ts'
import { changePassword } from './change-password.ts'
import { cookieWith } from './cookie.ts'
import { createHashingPool } from './hashing.ts'
import { createPasswordCheck, type PasswordCheck } from './password-check.ts'
import { createSecondFactor, type SecondFactor } from './second-factor.ts'
import { closeSession, endSessions, memberOf, openSession, sessionHours, sessionsOf } from './sessions.ts'

const log = logger('access')

type Headers = Readonly<Record<string, string | undefined>>

export function addStaffRoutes(server: HttpServer, context: Context, secret: string): void {
  const { database, clock, config } = context
  const pool = createHashingPool()
  const hashOf = createPasswordCheck(context, pool)
  const second = createSecondFactor({ database, clock, publicUrl: config.publicUrl, secret })
  server.add(logIn, ({ body, headers }) => {
    const email = body.email.trim().toLowerCase()
    return open(context, { hashOf, second }, { email, place: placeOf(headers) }, body, headers)
  })
  server.add(changePasswordRoute, async ({ body, staff, bearer, headers }) => {
    const who = { email: staff?.email ?? '', place: placeOf(headers) }
    const wanted = { ...body, token: tokenOf(bearer, headers) ?? '' }
    await changePassword(context, { hashOf, pool }, who, wanted)
  })
  server.add(getSession, async ({ staff }) => ({
    email: staff?.email ?? '',
    roles: [...(staff?.roles ?? [])] as Role[],
    secondFactor: await second.isAsked(staff?.email ?? ''),
  }))
  addSecondFactorRoutes(server, context, { hashOf, second })
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

/** Everybody's own second factor; only who knows the password, and a code where one is asked for, gets another. */
function addSecondFactorRoutes(server: HttpServer, { database }: Context, { hashOf, second }: Checks): void {
  server.add(offerSecondFactor, async ({ body, staff, headers }) => {
    const who = { email: staff?.email ?? '', place: placeOf(headers) }
    if ((await hashOf(who, body.password)) === undefined)
      throw invalid([{ field: 'password', message: 'this is not your password' }])
    if ((await second.isAsked(who.email)) && !(await second.accept(who.email, body.code ?? ''))) {
      await noteFailure(database, who)
      throw invalid([{ field: 'code', message: 'this is no code of the second factor that you have' }])
    }
    return answer(200, await second.offer(who.email), noStore)
  })
  server.add(confirmSecondFactor, async ({ body, staff, bearer, headers }) => {
    const email = staff?.email ?? ''
    const paperCodes = await second.confirm(email, body.code, tokenOf(bearer, headers) ?? '')
    if (paperCodes === undefined)
      throw invalid([
        { field: 'code', message: 'this is no code of the second factor that you were offered' },
      ])
    log.info('staff took a second factor', { account: nameInLog(email), place: placeOf(headers) })
    return answer(200, { paperCodes }, noStore)
  })
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

type Checks = { hashOf: PasswordCheck; second: SecondFactor }

const noStore = { 'cache-control': 'no-store' }

const placeOf = (headers: Headers) => networkOf(headers['x-forwarded-for'] ?? '')

const tokenOf = (bearer: string | undefined, headers: Headers) => bearer ?? sessionTokenOf(headers.cookie)

/** Opens a session for whoever has the right password, and a code where the account asks for one. */
async function open(
  { database, config }: Context,
  { hashOf, second }: Checks,
  who: Attempt,
  { password, code }: BodyOf<typeof logIn>,
  headers: Headers,
): Promise<Answer> {
  const told = { account: nameInLog(who.email), place: who.place, requestId: headers['x-request-id'] ?? '' }
  const passwordHash = await hashOf(who, password)
  const isAsked = passwordHash !== undefined && (await second.isAsked(who.email))
  if (isAsked && code === undefined) throw codeRequired()
  if (isAsked && !(await second.accept(who.email, code ?? ''))) {
    await noteFailure(database, who)
    log.info('a log-in failed for its code', told)
    throw wrongCode()
  }
  const program = headers['user-agent'] ?? ''
  const { needsSecondFactor: needsFactor } = config.staff
  const shown = passwordHash && { passwordHash, secondFactor: isAsked, needsFactor }
  const token = shown && (await openSession(database, who.email, program, shown))
  if (token === undefined) {
    log.info('a log-in failed', told)
    throw wrongCredentials()
  }
  log.info('staff logged in', told)
  await noteSuccess(database, who)
  const cookie = cookieWith(token, sessionHours * 3600, config.publicUrl)
  // A program asks for JSON by name; a browser's page asks for anything and gets the cookie alone.
  const wantsToken = /\bapplication\/json\b/.test(headers.accept ?? '')
  const kept = { ...noStore, 'set-cookie': cookie }
  return wantsToken ? answer(200, { token }, kept) : answer(204, undefined, kept)
}

const refused = (kind: string, detail: string) =>
  new Problem(401, kind, detail, {}, { 'www-authenticate': 'Bearer' })
const wrongCredentials = () => refused('wrong-credentials', 'Wrong email or password.')
const codeRequired = () => refused('code-required', 'This account asks for a code as well.')
const wrongCode = () =>
  refused('wrong-code', 'This code is not good, or no longer; take the next one, or one on paper.')
