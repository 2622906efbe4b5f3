import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { BodyOf, Route } from '#kernel/contract'
import { Problem } from '#kernel/problem'
import { parseJson } from './parse-json.ts'
import { problemOf } from './problems.ts'
import { type Asked, type Rendered, rendered, renderedProblem } from './rendered.ts'
import { requestIdOf } from './trace.ts'
import { inputValidator } from './validation.ts'

/** Announced bodies up to this size are gathered here; larger ones are the framework's. */
const bodyBytesMax = 64 * 1024

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
}

export type DirectOptions = {
  /** The service's name, for the log. */
  name: string
  onAnswered(method: string, path: string, status: number): void
}

/**
 * Answers routes in front of the framework, whose part of the work is more than half of what a small request costs.
 * Only requests in the usual form go this way: a JSON body of announced length. The framework has the same routes and
 * gets everything else, and both check and answer alike.
 */
export function createDirectRoutes({ name, onAnswered }: DirectOptions): DirectRoutes {
  const entries = new Map<string, Entry>()

  const answer = async (entry: Entry, asked: Asked, text: string): Promise<Rendered> => {
    try {
      const body = parsed(text)
      entry.check(asked.headers, body)
      const headers = asked.headers as DirectRequest<Route>['headers']
      return rendered(asked, entry.route, await entry.handler({ body, headers } as DirectRequest<Route>))
    } catch (error) {
      return renderedProblem(problemOf(error, name), asked.id, entry.route.path)
    }
  }

  return {
    add: (route, handler) => entries.set(route.path, { route, handler, check: checkOf(route) }),
    take(request, response) {
      const entry = entries.get(request.url ?? '')
      if (entry === undefined || request.method !== entry.route.method || !isUsual(request.headers))
        return false
      const asked = { id: requestIdOf(request.headers['x-request-id']), headers: request.headers }
      gather(request, async (text) => {
        const out = await answer(entry, asked, text)
        send(response, out)
        onAnswered(entry.route.method, entry.route.path, out.status)
      })
      return true
    },
  }
}

const usualType = /^application\/json(; ?charset=utf-8)?$/i

function isUsual(headers: IncomingHttpHeaders): boolean {
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
    if (body?.(value) === false) throw { validation: body.errors, validationContext: 'body' }
    if (headers?.(given) === false) throw { validation: headers.errors, validationContext: 'headers' }
  }
}

function parsed(text: string): unknown {
  let value: unknown
  parseJson(text, (error, parsedValue) => {
    if (error) throw error
    value = parsedValue
  })
  if (value === undefined || value === null) throw bodyMissing()
  return value
}

export const bodyMissing = () => new Problem(400, 'invalid-json', 'The body is empty; send a JSON object.')

/** Never calls back when the sender goes away first. */
function gather(request: IncomingMessage, onWhole: (text: string) => void): void {
  let first: Buffer | undefined
  let chunks: Buffer[] | undefined
  request.on('data', (chunk: Buffer) => {
    if (first === undefined) first = chunk
    else {
      chunks ??= [first]
      chunks.push(chunk)
    }
  })
  request.on('end', () => onWhole((chunks === undefined ? first : Buffer.concat(chunks))?.toString() ?? ''))
  request.on('error', () => undefined)
}

/** Head and body leave in one write; text of one byte a character needs no encoding. */
function send(response: ServerResponse, { status, headers, body = '' }: Rendered): void {
  const length = Buffer.byteLength(body)
  const flat: string[] = ['content-length', String(length)]
  for (const name in headers) flat.push(name, headers[name] ?? '')
  response.writeHead(status, flat)
  if (typeof body === 'string') response.end(body, length === body.length ? 'latin1' : 'utf8')
  else response.end(body)
}
