import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { assert } from '#kernel/assert'
import { bodyBytesMaxDefault } from '#kernel/body-limits'
import type { BodyOf, Route } from '#kernel/contract'
import { notFound } from '#kernel/problem'
import { gather } from '../gather.ts'
import { bodyMissing, parseJson } from '../parse-json.ts'
import { inputProblem, problemOf } from '../problems.ts'
import { type Asked, type Rendered, rendered, renderedProblem } from '../rendered.ts'
import { requestIdOf } from '../trace.ts'
import { inputValidator } from '../validation.ts'
import { type BundledAnswer, type BundledRequest, decodeBundle, encodeAnswers } from './bundle.ts'

/** Bodies that say their length, up to this, are gathered here; larger ones are the framework's. */
const bodyBytesMax = bodyBytesMaxDefault
/** After so long the requests of a bundle that are not checked yet wait for the next turn of the event loop. */
const turnMs = 4

export type DirectRequest<R> = {
  body: BodyOf<R>
  headers: Readonly<Record<string, string | undefined>>
}
type Handler = (request: DirectRequest<Route>) => Promise<unknown>
type Entry = { route: Route; handler: Handler; check: (headers: IncomingHttpHeaders, body: unknown) => void }

export type DirectRoutes = {
  add(route: Route, handler: Handler): void
  /** @returns whether it answers this request; otherwise nothing was done with it */
  take(request: IncomingMessage, response: ServerResponse): boolean
  /** Answers requests that came in one, as if each had come by itself. @throws Problem 404 for a route that is not here */
  answerBundle(bytes: Uint8Array): Promise<Buffer>
  /** The same for requests of this very process. */
  answerAll(path: string, requests: readonly BundledRequest[]): Promise<BundledAnswer[]>
}

export type DirectOptions = {
  /** The service's name, for the log. */
  name: string
  /** Whether a request comes from where requests may come from. */
  mayEnter(request: IncomingMessage): boolean
  onAnswered(method: string, path: string, status: number, seconds: number): void
  /** Whether connections end with the answer that is on its way. */
  isClosing(): boolean
}

/**
 * Answers routes in front of the framework, whose part of the work is more than half of what a small request costs.
 * Only requests in the usual form go this way: a JSON body that says its length. The framework has the same routes and
 * gets everything else, and both check and answer alike.
 */
export function createDirectRoutes({ name, mayEnter, onAnswered, isClosing }: DirectOptions): DirectRoutes {
  const entries = new Map<string, Entry>()

  const answer = async (entry: Entry, asked: Asked, bytes: Buffer): Promise<Rendered> => {
    const startedMs = performance.now()
    const out = await answerOf(entry, asked, bytes)
    onAnswered(entry.route.method, entry.route.path, out.status, (performance.now() - startedMs) / 1000)
    return out
  }
  const answerOf = async (
    { route, handler, check }: Entry,
    asked: Asked,
    bytes: Buffer,
  ): Promise<Rendered> => {
    try {
      const body = parsed(bytes)
      check(asked.headers, body)
      return rendered(asked, route, await handler({ body, headers: asked.headers } as DirectRequest<Route>))
    } catch (error) {
      return renderedProblem(problemOf(error, name, asked.id), asked.id, route.path)
    }
  }

  const inTurns = async (path: string, requests: readonly BundledRequest[]): Promise<Rendered[]> => {
    const entry = entries.get(path)
    if (entry === undefined) throw notFound('such route')
    const answering: Promise<Rendered>[] = []
    let startedMs = performance.now()
    for (const each of requests) {
      answering.push(answer(entry, each, each.body))
      if (performance.now() - startedMs < turnMs) continue
      await new Promise(setImmediate)
      startedMs = performance.now()
    }
    return await Promise.all(answering)
  }

  return {
    add(route, handler) {
      const isPlain = route.access.kind === 'public' && !route.params && !route.query && !route.streams
      assert(isPlain && route.body !== undefined, `${route.path} needs the framework`)
      entries.set(route.path, { route, handler, check: checkOf(route) })
    },
    take(request, response) {
      const entry = entries.get(request.url ?? '')
      if (entry === undefined || request.method !== entry.route.method || !isUsual(request.headers))
        return false
      if (!mayEnter(request)) return false
      const asked = { id: requestIdOf(request.headers['x-request-id']), headers: request.headers }
      gather(request, async (body) => {
        const out = await answer(entry, asked, body)
        if (isClosing()) response.shouldKeepAlive = false
        send(response, out)
      })
      return true
    },
    async answerBundle(bytes) {
      const { path, requests } = decodeBundle(bytes)
      const answers = await inTurns(path, requests)
      return encodeAnswers(answers.map((out) => ({ ...out, body: textOf(out) })))
    },
    async answerAll(path, requests) {
      const answers = await inTurns(path, requests)
      return answers.map((out) => ({ ...out, body: Buffer.from(out.body ?? '') }))
    },
  }
}

const usualType = /^application\/json(; ?charset=utf-8)?$/i

/** A JSON body that says its length, small enough to be gathered, and nothing that asks for more. */
export function isUsual(headers: IncomingHttpHeaders): boolean {
  return (
    usualType.test(headers['content-type'] ?? '') &&
    Number(headers['content-length']) <= bodyBytesMax &&
    headers['transfer-encoding'] === undefined &&
    headers['content-encoding'] === undefined &&
    headers.expect === undefined
  )
}

function checkOf(route: Route): Entry['check'] {
  const method = route.method
  const [body, headers] = (['body', 'headers'] as const).map((httpPart) => {
    const schema = route[httpPart]
    return schema && inputValidator({ schema, method, url: route.path, httpPart })
  })
  return (given, value) => {
    if (body?.(value) === false) throw inputProblem(body.errors ?? [], 'body')
    if (headers?.(given) === false) throw inputProblem(headers.errors ?? [], 'headers')
  }
}

function parsed(bytes: Buffer): unknown {
  let value: unknown
  parseJson(bytes, (error, parsedValue) => {
    if (error) throw error
    value = parsedValue
  })
  if (value === undefined) throw bodyMissing()
  return value
}

const textOf = ({ body = '' }: Rendered) => (typeof body === 'string' ? body : Buffer.from(body).toString())

/** Head and body leave in one write. Text of one byte a character needs no encoding, which is a tenth of the write. */
function send(response: ServerResponse, { status, headers, body = '' }: Rendered): void {
  const length = Buffer.byteLength(body)
  const flat: string[] = ['content-length', String(length)]
  for (const name in headers) flat.push(name, headers[name] ?? '')
  response.writeHead(status, flat)
  if (typeof body === 'string' && length === body.length) response.end(body, 'latin1')
  else response.end(body)
}
