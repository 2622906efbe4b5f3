import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { type Role, type Route, roles } from '#kernel/contract'
import { nameInLog } from '#kernel/hash'
import { forbidden, notFound, Problem, unauthorized } from '#kernel/problem'
import { secretLines } from '#kernel/shared-secret'
import { callHeader, digestOf, innerMetricsToken, isSame, type SignedCall } from '#kernel/signed-calls'
import { logger } from '#ports/log'
import { callChecker } from './calls.ts'
import { sessionTokenOf } from './names.ts'

const log = logger('access')

export type StaffMember = { email: string; roles: readonly Role[] }

export type EntranceOptions = {
  /** The role whose door it is. */
  name: string
  /** Shared by all processes; keys their calls. */
  secret: string
  /** What whoever reads the numbers has to know, if one was chosen for that. */
  metricsToken?: string | undefined
  /** Looks a staff session's token up, on a primary. Without it no staff route can be entered. */
  authenticateStaff?: (token: string) => Promise<StaffMember | undefined>
}

/** Who comes in: other Octavo processes alone, and through the gateway whoever the route lets. */
export type Entrance = {
  /** @throws Problem 401, 403, or 404 to whom an address is not there */
  enter(request: FastifyRequest, route: Route): Promise<void>
  /** What is wrong with a body: it is not the one that was signed. */
  faultOfBody(request: FastifyRequest, body: Uint8Array): Problem | undefined
  /** Whether a request comes through the gateway, or from another process. */
  isPassedOn(request: IncomingMessage): boolean
  mayReadMetrics(request: FastifyRequest): boolean
}

export function createEntrance(options: EntranceOptions): Entrance {
  const calls = callChecker(options.secret, options.name)
  const chosen = options.metricsToken
  const tokens = chosen === undefined ? secretLines(options.secret).map(innerMetricsToken) : [chosen]
  const signed = new WeakMap<FastifyRequest, SignedCall>()
  const mayReadMetrics = (request: FastifyRequest) =>
    tokens.some((token) => isSame(bearerOf(request) ?? '', token))
  return {
    async enter(request, { access }) {
      if (access.kind === 'monitoring') {
        if (!mayReadMetrics(request)) throw unauthorized()
        return
      }
      const call = calls.check(request.headers[callHeader], request.method, request.url)
      if (call !== undefined) signed.set(request, call)
      if (access.kind === 'internal') {
        if (call?.kind !== 'call') throw notFound('such address')
      } else if (call === undefined) throw notPassedOn()
      else if (access.kind === 'staff') await checkStaff(request, access.roles, options)
    },
    faultOfBody(request, body) {
      const call = signed.get(request)
      return call?.kind === 'call' && call.bodyDigest !== digestOf(body)
        ? notFound('such address')
        : undefined
    },
    isPassedOn: ({ headers, method = '', url = '' }) =>
      calls.check(headers[callHeader], method, url)?.kind === 'pass',
    mayReadMetrics,
  }
}

const notPassedOn = () =>
  new Problem(403, 'not-through-gateway', 'Ask the gateway, which passes it on to here.')

const staffMembers = new WeakMap<FastifyRequest, StaffMember>()
/** Who entered a staff route. */
export const staffOf = (request: FastifyRequest) => staffMembers.get(request)

async function checkStaff(
  request: FastifyRequest,
  allowed: readonly Role[],
  { authenticateStaff }: EntranceOptions,
): Promise<void> {
  const token = bearerOf(request) ?? sessionTokenOf(request.headers.cookie)
  const member = token === undefined ? undefined : await authenticateStaff?.(token)
  if (member === undefined) throw unauthorized()
  // What every role may do is done also by who has none yet.
  const isForAll = roles.every((role) => allowed.includes(role))
  if (!isForAll && !member.roles.some((role) => allowed.includes(role))) {
    log.info('staff were refused what their roles do not allow', {
      ...{ account: nameInLog(member.email), roles: member.roles, requestId: request.id },
      route: `${request.method} ${request.routeOptions.url}`,
    })
    throw forbidden(allowed)
  }
  staffMembers.set(request, member)
}

/** The token of `Authorization: Bearer …`, whatever it is for. */
export function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer +([\w.~+/=-]{1,500})$/i.exec(request.headers.authorization ?? '')?.[1]
}
