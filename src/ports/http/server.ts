import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { bodyBytesMaxOf } from '#kernel/body-limits'
import type { BodyOf, ParamsOf, QueryOf, ReplyOf, Route } from '#kernel/contract'
import { invalid, notFound, Problem, unauthorized } from '#kernel/problem'
import { type Meter, metricsOf } from '#ports/telemetry'
import type { Answer } from './answer.ts'
import {
  bearerOf,
  createEntrance,
  type Entrance,
  type EntranceOptions,
  type StaffMember,
  staffOf,
} from './entrance.ts'
import { bundleRoute } from './fast/bundle.ts'
import { createDirectRoutes, type DirectRequest, type DirectRoutes } from './fast/direct.ts'
import { createRequestMetrics } from './metrics.ts'
import { bodyMissing, parseJson } from './parse-json.ts'
import { problemOf } from './problems.ts'
import { type Rendered, rendered, renderedProblem } from './rendered.ts'
import { requestIdOf } from './trace.ts'
import { inputValidator } from './validation.ts'

export type HttpServerOptions = EntranceOptions & {
  /** Whether `/readyz` says yes. */
  ready?: () => boolean | Promise<boolean>
  /** What `/metrics` says besides the numbers of the role and the process. */
  meter?: Meter
  bodyBytesMax?: number
  /** Upper bound for receiving a request, its body included. */
  requestTimeoutMs?: number
}

export type HttpRequest<R> = {
  params: ParamsOf<R>
  query: QueryOf<R>
  body: BodyOf<R>
  headers: Readonly<Record<string, string | undefined>>
  /** Path with the query string. */
  path: string
  staff?: StaffMember
  /** The token of `Authorization: Bearer …`, whatever it is for. */
  bearer?: string
  /** The body of a route with `streams`, when it came in one of those media types. */
  stream?: Readable
  contentType?: string
}

export type HttpServer = AsyncDisposable & {
  readonly fastify: FastifyInstance
  add<R extends Route>(route: R, handler: (request: HttpRequest<R>) => Promise<ReplyOf<R> | Answer>): void
  /** Like `add`, in front of the framework: for a public route without parameters that most requests are for. */
  addDirect<R extends Route>(
    route: R,
    handler: (request: DirectRequest<R>) => Promise<ReplyOf<R> | Answer>,
  ): void
  /** Its direct routes, for whoever is in the same process. */
  readonly local: Pick<DirectRoutes, 'answerAll'>
  /** @returns the server's URL, with the port it got */
  listen(at: { host: string; port: number }): Promise<string>
}

const bodyBytesMaxServer = 1024 * 1024
/** More than the gateway takes from outside, which adds its own and the host once more. */
const headerBytesMax = 64 * 1024
const bytesType = 'application/octet-stream'
const jsonTypes = ['application/json', 'application/merge-patch+json']

/** A server that checks every request against its route, answers errors as problem+json and shows its health. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const metrics = createRequestMetrics(options.name)
  const entrance = createEntrance(options)
  const direct = createDirectRoutes({
    name: options.name,
    mayEnter: entrance.isPassedOn,
    onAnswered: metrics.answered,
    isClosing: () => isClosing,
  })
  const problem = (error: unknown, { id, url }: FastifyRequest) =>
    renderedProblem(problemOf(error, options.name, id), id, url)
  let isClosing = false
  const fastify = Fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax ?? bodyBytesMaxServer,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    routerOptions: { maxParamLength: 700 },
    forceCloseConnections: 'idle',
    serverFactory: (handle) =>
      createServer(
        {
          requestTimeout: options.requestTimeoutMs ?? 60_000,
          keepAliveTimeout: 65_000,
          maxHeaderSize: headerBytesMax,
        },
        (request, response) => {
          if (!direct.take(request, response)) handle(request, response)
        },
      ),
    return503OnClosing: false,
    exposeHeadRoutes: true,
    // For what fails before any route is found, such as an address that is badly percent-encoded.
    frameworkErrors: (error, request, reply) => {
      send(reply as FastifyReply, problem(error, request))
    },
  })
  fastify.removeContentTypeParser(['application/json', 'text/plain'])
  fastify.addContentTypeParser(jsonTypes, { parseAs: 'buffer' }, (request, bytes, done) => {
    const fault = entrance.faultOfBody(request, bytes as Buffer)
    if (fault) done(fault)
    else parseJson(bytes as Buffer, done)
  })
  fastify.addContentTypeParser(bytesType, { parseAs: 'buffer' }, (request, bytes, done) =>
    done(entrance.faultOfBody(request, bytes as Buffer) ?? null, bytes),
  )
  fastify.setValidatorCompiler(inputValidator)
  fastify.setErrorHandler((error, request, reply) => send(reply, problem(error, request)))
  fastify.setNotFoundHandler((request, reply) => send(reply, problem(notFound('such address'), request)))
  fastify.addHook('onResponse', (request, reply, done) => {
    metrics.answered(
      request.method,
      request.routeOptions.url ?? 'none',
      reply.statusCode,
      reply.elapsedTime / 1000,
    )
    done()
  })
  addHealth(fastify, options, entrance)
  return {
    fastify,
    local: direct,
    add: (route, handler) => addRoute(fastify, route, handler, options, entrance),
    addDirect(route, handler) {
      direct.add(route, handler as Parameters<typeof direct.add>[1])
      if (!fastify.hasRoute({ method: bundleRoute.method, url: bundleRoute.path }))
        addRoute(fastify, bundleRoute, async ({ body }) => direct.answerBundle(body), options, entrance)
      addRoute(fastify, route, handler, options, entrance)
    },
    listen: async ({ host, port }) => {
      await fastify.listen({ host, port })
      return `http://${host}:${(fastify.server.address() as AddressInfo).port}`
    },
    async [Symbol.asyncDispose]() {
      isClosing = true
      await fastify.close()
    },
  }
}

function addHealth(fastify: FastifyInstance, options: HttpServerOptions, entrance: Entrance): void {
  for (const path of ['/livez', '/healthz'])
    fastify.get(path, async () => ({ status: 'alive', service: options.name }))
  // A role opens its door when it has started, so whoever asks there can be told that it has.
  fastify.get('/startupz', async () => ({ status: 'started', service: options.name }))
  fastify.get('/readyz', async (_request, reply) => {
    const ready = (await options.ready?.()) ?? true
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready', service: options.name })
  })
  fastify.get('/metrics', async (request, reply) => {
    if (!entrance.mayReadMetrics(request)) throw unauthorized()
    const { type, body } = metricsOf(options.name, request.headers.accept, options.meter)
    return reply.type(type).send(body)
  })
}

function addRoute<R extends Route>(
  fastify: FastifyInstance,
  route: R,
  handler: (request: HttpRequest<R>) => Promise<ReplyOf<R> | Answer>,
  options: HttpServerOptions,
  entrance: Entrance,
): void {
  if (route.streams === undefined) addFrameworkRoute(fastify, route, handler, options, entrance)
  // In a scope of its own: elsewhere the same types may be gathered into bytes.
  else
    fastify.register(async (scope) => {
      for (const type of route.streams ?? []) {
        if (scope.hasContentTypeParser(type)) scope.removeContentTypeParser(type)
        scope.addContentTypeParser(type, (_request, body, done) => done(null, body))
      }
      addFrameworkRoute(scope, route, handler, options, entrance)
    })
}

function addFrameworkRoute<R extends Route>(
  fastify: FastifyInstance,
  route: R,
  handler: (request: HttpRequest<R>) => Promise<ReplyOf<R> | Answer>,
  options: HttpServerOptions,
  entrance: Entrance,
): void {
  fastify.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: {
      ...(route.params && { params: route.params }),
      ...(route.query && { querystring: route.query }),
      ...(route.headers && { headers: route.headers }),
      ...(route.body && { body: route.body }),
    },
    ...bodyLimitOf(route, options),
    onRequest: async (request) => {
      // Who is asking comes before what is asked: a stranger learns nothing of the route's fields.
      await entrance.enter(request, route)
      // A type is of no matter where there is no body and need be none; some programs name one all the same.
      if (takesNoBody(route) && isWithoutBody(request)) delete request.headers['content-type']
      const type = contentTypeOf(request)
      if (!isPlainUtf8(request.headers)) throw encoded()
      if (route.streams !== undefined && !route.streams.includes(type ?? '')) throw unsupported(route.streams)
      if (route.bytes && type !== bytesType) throw unsupported([bytesType])
      // The framework knows the types of all routes and takes each of them on any. A GET has no body, whatever it says
      // of one.
      const takesJson = route.streams === undefined && !route.bytes && route.method !== 'GET'
      if (takesJson && type !== undefined && !jsonTypes.includes(type))
        throw unsupported(['application/json'])
    },
    preValidation: async (request) => {
      if (route.streams === undefined) checkHasBody(request, route)
    },
    handler: async (request, reply) => {
      const result = await handler(requestOf<R>(request, route))
      return send(reply, rendered(request, route, result))
    },
  })
}

function bodyLimitOf(route: Route, { bodyBytesMax = bodyBytesMaxServer }: HttpServerOptions) {
  if (route.streams !== undefined) return { bodyLimit: Number.MAX_SAFE_INTEGER }
  return { bodyLimit: Math.min(bodyBytesMaxOf(route) ?? bodyBytesMax, bodyBytesMax) }
}

function requestOf<R extends Route>(request: FastifyRequest, route: R): HttpRequest<R> {
  const contentType = contentTypeOf(request)
  const streamed = route.streams?.includes(contentType ?? '')
  return {
    params: request.params as ParamsOf<R>,
    query: request.query as QueryOf<R>,
    body: request.body as BodyOf<R>,
    headers: request.headers as Record<string, string | undefined>,
    path: request.url,
    staff: staffOf(request),
    bearer: bearerOf(request),
    ...(streamed && { stream: request.body as Readable }),
    contentType,
  }
}

const takesNoBody = ({ body, streams, bytes }: Route) => body === undefined && streams === undefined && !bytes

function isWithoutBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}

const contentTypeOf = (request: FastifyRequest) =>
  request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()

/** Bodies are taken as they are, in the one encoding JSON has. Catalogues may say another in themselves. */
function isPlainUtf8(headers: FastifyRequest['headers']): boolean {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') return false
  const type = headers['content-type']?.toLowerCase() ?? ''
  if (!type.includes('json')) return true
  const charsets = type.matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/g)
  return [...charsets].every(([, charset]) => charset === 'utf-8' || charset === 'utf8')
}

const encoded = () =>
  new Problem(415, 'unsupported-media-type', 'Send the body in UTF-8 and without Content-Encoding.')

const unsupported = (types: readonly string[]) =>
  new Problem(415, 'unsupported-media-type', `Send the body as ${types.join(' or ')}.`)

/** A route that takes no body may be sent an empty one, as some programs always do. */
function checkHasBody({ body }: FastifyRequest, route: Route): void {
  if (route.body !== undefined && body === undefined) throw bodyMissing()
  const isNothing = body === undefined || body === null
  if (route.body !== undefined || isNothing) return
  const fields = typeof body === 'object' ? Object.keys(body) : ['body']
  if (fields.length > 0)
    throw invalid(fields.map((field) => ({ field, message: 'is not a field of this request' })))
}

/** Fastify's part of sending an answer. */
export function send(reply: FastifyReply, { status, headers, body }: Rendered): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}
