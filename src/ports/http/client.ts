import type { BodyOf, ParamsOf, QueryOf, ReplyOf, Route } from '#kernel/contract'
import { Problem, problemBase, unavailable } from '#kernel/problem'
import { type CallSigner, callHeader } from '#kernel/signed-calls'
import { Agent, request } from '#ports/connections'
import type { Discovery, Instance } from '#ports/discovery'
import { callSigner } from './calls.ts'
import { callDuration } from './metrics.ts'

export type ServiceClientOptions = { discovery: Discovery; secret: string }

export type CallOptions<R> = {
  params?: ParamsOf<R>
  query?: QueryOf<R>
  body?: BodyOf<R>
  headers?: Readonly<Record<string, string>>
  /** Upper bound for the whole call, retries on other instances included. */
  deadlineMs: number
  /** Prefer the same instance every time, as long as it lives: it remembers what it did last. */
  sticks?: boolean
}

export type ServiceClient = AsyncDisposable & {
  /**
   * Calls a route of some instance of `service`. A connection that cannot be made is tried on the next instance;
   * once a request was sent its outcome is the answer, because the route may not be idempotent.
   * @throws Problem with the service's own answer for 4xx and 5xx; status 503 when nobody could be reached in time
   */
  call<R extends Route>(service: string, route: R, options: CallOptions<R>): Promise<ReplyOf<R>>
}

const connectTimeoutMs = 1_000
/** An instance that could not be reached, or fell silent, comes last for this long. */
const shunnedMs = 2_000

export function serviceClient({ discovery, secret }: ServiceClientOptions): ServiceClient {
  const agent = new Agent({
    connections: 16,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: 30_000,
  })
  const signer = callSigner(secret)
  const shunnedUntilMs = new Map<string, number>()
  let next = 0
  return {
    async call(service, route, options) {
      // AbortSignal.timeout cannot be called off: it would go on to fire for a call that was answered long ago.
      const deadline = new AbortController()
      const timer = setTimeout(() => deadline.abort(), options.deadlineMs)
      const startedMs = performance.now()
      const note = (status: string) =>
        callDuration.observe((performance.now() - startedMs) / 1000, service, route.path, status)
      try {
        const instances = inOrder(discovery.instances(service), shunnedUntilMs, options.sticks ? 0 : next++)
        for (const instance of instances) {
          const outcome = await attempt(agent, instance, route, options, signer, deadline.signal)
          if (outcome.kind === 'answered') {
            note('2xx')
            return outcome.value as never
          }
          shunnedUntilMs.set(instance.id, performance.now() + shunnedMs)
          if (outcome.kind === 'unknown') throw outcomeUnknown(instance, outcome.cause)
        }
        throw unavailable(`No ${service} instance can be reached.`)
      } catch (error) {
        note(error instanceof Problem ? String(error.status) : 'error')
        throw error
      } finally {
        clearTimeout(timer)
      }
    },
    async [Symbol.asyncDispose]() {
      await agent.close()
    },
  }
}

function inOrder(
  instances: readonly Instance[],
  shunnedUntilMs: ReadonlyMap<string, number>,
  start: number,
): Instance[] {
  const nowMs = performance.now()
  const rotated = instances.map((_, i) => instances[(i + start) % instances.length] as Instance)
  const shunned = (instance: Instance) => ((shunnedUntilMs.get(instance.id) ?? 0) > nowMs ? 1 : 0)
  return rotated.sort((a, b) => shunned(a) - shunned(b))
}

type Outcome =
  | { kind: 'answered'; value: unknown }
  | { kind: 'not-connected' }
  | { kind: 'unknown'; cause: unknown }

async function attempt<R extends Route>(
  agent: Agent,
  instance: Instance,
  route: R,
  options: CallOptions<R>,
  signer: CallSigner,
  signal: AbortSignal,
): Promise<Outcome> {
  const [path, body] = [pathOf(route, options), bodyOf(route, options)]
  let response: Awaited<ReturnType<typeof request>>
  try {
    response = await request(instance.url + path, {
      dispatcher: agent,
      method: route.method,
      headers: {
        [callHeader]: signer.call(route.method, path, body),
        ...(options.body !== undefined && {
          'content-type': route.bytes ? 'application/octet-stream' : 'application/json',
        }),
        ...options.headers,
      },
      body,
      signal,
    })
  } catch (error) {
    return isConnectFailure(error) ? { kind: 'not-connected' } : { kind: 'unknown', cause: error }
  }
  let text: string
  try {
    text = await response.body.text()
  } catch (error) {
    return { kind: 'unknown', cause: error }
  }
  const value: unknown = text === '' ? undefined : parsed(text)
  if (response.statusCode >= 400) throw problemFrom(response.statusCode, value, response.headers)
  return { kind: 'answered', value }
}

/** The request was sent and no whole answer came back: it may or may not have been carried out. */
function outcomeUnknown(instance: Instance, cause: unknown): Problem {
  const problem = new Problem(
    503,
    'outcome-unknown',
    `${instance.service} did not answer in time.`,
    {},
    { 'retry-after': '1' },
  )
  problem.cause = cause
  return problem
}

function bodyOf<R extends Route>(route: R, { body }: CallOptions<R>): string | Uint8Array | null {
  if (body === undefined) return null
  return route.bytes ? (body as Uint8Array) : JSON.stringify(body)
}

/** Whether nothing was sent, because no connection could be made. */
export function isConnectFailure(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return (
    code === 'ECONNREFUSED' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'EHOSTUNREACH' ||
    code === 'ENOTFOUND'
  )
}

function pathOf<R extends Route>(route: R, options: CallOptions<R>): string {
  const params = (options.params ?? {}) as Record<string, string>
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  )
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries((options.query ?? {}) as Record<string, unknown>))
    if (value !== undefined) query.set(key, String(value))
  return query.size === 0 ? path : `${path}?${query}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No JSON: the status alone tells what became of the request.
    return undefined
  }
}

function problemFrom(status: number, value: unknown, headers: Record<string, unknown>): Problem {
  const {
    type,
    detail,
    title: _title,
    status: _status,
    instance: _instance,
    ...fields
  } = (value ?? {}) as Record<string, unknown>
  const kind = typeof type === 'string' ? type.replace(problemBase, '') : 'upstream-error'
  const retryAfter = headers['retry-after']
  return new Problem(
    status,
    kind,
    typeof detail === 'string' ? detail : `The service answered ${status}.`,
    fields,
    typeof retryAfter === 'string' ? { 'retry-after': retryAfter } : {},
  )
}
