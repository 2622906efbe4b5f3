import assert from 'node:assert/strict'
import type { OpenApi } from './open-api.ts'

export type Reply = {
  status: number
  headers: Headers
  /** Parsed JSON, or undefined when the body is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects; the schemas are checked beside it.
  body: any
  text: string
}
export type RequestOptions = {
  body?: unknown
  /** Sent as it is, with whatever content type `headers` names. */
  raw?: string | Uint8Array<ArrayBuffer> | ReadableStream
  headers?: Record<string, string>
  token?: string
}
export type Client = {
  readonly url: string
  readonly api: OpenApi
  send(method: string, path: string, options?: RequestOptions): Promise<Reply>
  get(path: string, options?: RequestOptions): Promise<Reply>
  post(path: string, options?: RequestOptions): Promise<Reply>
  put(path: string, options?: RequestOptions): Promise<Reply>
  patch(path: string, options?: RequestOptions): Promise<Reply>
  delete(path: string, options?: RequestOptions): Promise<Reply>
}

const answerLimitMs = 20_000

/** Speaks HTTP to a store and holds every answer against what all answers have in common and against its OpenAPI. */
export function createClient(url: string, api: OpenApi): Client {
  const send: Client['send'] = async (method, path, options = {}) => {
    const { body, raw, headers = {}, token } = options
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: body === undefined ? (raw ?? null) : JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(answerLimitMs),
      ...(raw instanceof ReadableStream && { duplex: 'half' }),
    })
    const text = await response.text()
    const type = response.headers.get('content-type')?.split(';', 1)[0]
    const isJson = type !== undefined && /json$/.test(type)
    const reply = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    }
    const { pathname } = new URL(url + path)
    checkReply(`${method} ${path}`, reply, pathname)
    const operation = api.find(method, pathname)
    if (operation !== undefined)
      api.check(operation, reply.status, text === '' ? undefined : type, reply.body)
    return reply
  }
  return {
    url,
    api,
    send,
    get: (path, options) => send('GET', path, options),
    post: (path, options) => send('POST', path, options),
    put: (path, options) => send('PUT', path, options),
    patch: (path, options) => send('PATCH', path, options),
    delete: (path, options) => send('DELETE', path, options),
  }
}

/** What holds for every answer, whatever was asked. */
export function checkReply(what: string, { status, headers, body, text }: Reply, path: string): void {
  const said = `${what} → ${status} ${text.slice(0, 400)}`
  assert.ok(headers.get('x-request-id'), `${said}: X-Request-Id`)
  assert.ok(status < 500, `${said}: no server error`)
  assert.doesNotMatch(
    text.slice(0, 10_000),
    /\n\s+at |node_modules|\.ts:\d|file:\/\//,
    `${said}: no stack trace`,
  )
  if (status < 400) return
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/, said)
  assert.equal(typeof body, 'object', said)
  assert.ok(URL.canParse(body.type), `${said}: type is a URI`)
  assert.equal(body.status, status, `${said}: status`)
  for (const member of ['title', 'detail'])
    assert.ok(typeof body[member] === 'string' && body[member] !== '', `${said}: ${member}`)
  assert.equal(typeof body.instance, 'string', `${said}: instance`)
  assert.ok(path.startsWith(body.instance.slice(0, 400)), `${said}: instance is the path`)
  if (status === 429) assert.match(headers.get('retry-after') ?? '', /^\d+$/, `${said}: Retry-After`)
}

/** Asserts a refusal and its kind: the last part of its type. */
export function refused(reply: Reply, status: number, kind?: string): Reply['body'] {
  assert.equal(reply.status, status, reply.text)
  if (kind !== undefined) assert.match(reply.body.type, new RegExp(`/${kind}$`), reply.text)
  return reply.body
}

/** Asserts a success. @returns the body */
export function accepted(reply: Reply, status = 200): Reply['body'] {
  assert.equal(reply.status, status, reply.text)
  return reply.body
}

/** The fields that a 400 names, in no particular order. */
export function wrongFields(reply: Reply): string[] {
  const { errors } = refused(reply, 400)
  assert.ok(Array.isArray(errors), reply.text)
  return errors.map((error: { field: string }) => error.field).sort()
}
