import { readFile } from 'node:fs/promises'
import { Unavailable } from '#kernel/unavailable'
import { type Clock, systemClock } from '#ports/clock'
import { Agent, request } from '#ports/connections'

/** A Kubernetes API server: objects by their paths, and what changes among them. */
export type KubernetesApi = AsyncDisposable & {
  /** @returns undefined when there is none; @throws KubernetesError, KubernetesUnavailable */
  get<T>(path: string): Promise<T | undefined>
  /**
   * Creates, replaces, patches or deletes. A patch is a merge patch (RFC 7386) unless it is said to be another.
   * @throws KubernetesError, KubernetesUnavailable
   */
  send<T>(method: Method, path: string, body?: unknown, patch?: PatchType): Promise<T>
  /**
   * Opens a watch; it ends by itself after a while, and early when `signal` says so.
   * @param path of a collection, with its selectors
   * @throws KubernetesError; `isGone` when the server no longer knows that version
   */
  watch<T>(path: string, resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent<T>>
  /**
   * The server's clock, to a second, as its last answer had it and by the time since: what its own objects and certificates
   * go by, and the same to whoever asks it, on whatever machine. Undefined before it has answered.
   */
  serverMs(): number | undefined
}

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** How the server puts lists together: by replacing them, or by the key of their items; or what one writer alone says of an object. */
export type PatchType = 'merge' | 'strategic-merge' | 'apply'

export type WatchEvent<T> = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: T }

export type Metadata = {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  creationTimestamp?: string
  labels?: Readonly<Record<string, string>>
  annotations?: Readonly<Record<string, string>>
}

export type ApiServerOptions = {
  /** Such as `https://kubernetes.default.svc`. */
  url: string
  /** File of the certificate authority, PEM. */
  caPath: string
  /** File of a bearer token, read again when it may have been replaced. */
  tokenPath?: string
  /** A client's certificate and key, PEM, instead of a token. */
  certificate?: { cert: string; key: string }
  clock?: Clock
}

/** What the API server refused, in its own words. */
export class KubernetesError extends Error {
  override name = 'KubernetesError'
  readonly status: number
  readonly reason: string
  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }
  /** The version asked for is too old to go on from: list again. */
  get isGone(): boolean {
    return this.status === 410
  }
  /** Somebody else changed the object first, or made it. */
  get isConflict(): boolean {
    return this.status === 409
  }
}

/** The API server is away, or did not answer in time: whether it did what was asked is unknown. */
export class KubernetesUnavailable extends Unavailable {
  override name = 'KubernetesUnavailable'
}

const callTimeoutMs = 5_000
const connectTimeoutMs = 2_000
/** A watch that ends often notices soon that nobody is there any more; some apart, so that not all end at once. */
const watchSeconds = { min: 45, max: 75 }
const watchGraceMs = 5_000
const tokenReadEveryMs = 30_000
/** One object. etcd takes 1.5 MB, and a list of thousands of slices is larger; this bounds a broken stream. */
const lineCharactersMax = 8 * 1024 * 1024
const listBytesMax = 128 * 1024 * 1024

/** @throws Error that says what to name instead */
async function readAuthority(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new Error(
      `The API server's authority cannot be read at ${path}. A pod has it with its service account; elsewhere name it and a token: kubernetes://host:port/namespace/name?ca=FILE&token=FILE`,
      { cause },
    )
  }
}

/** Opens an API server's client. Nothing is sent until something is asked. @throws Error when the authority's file is missing */
export async function openApiServer(options: ApiServerOptions): Promise<KubernetesApi> {
  const { clock = systemClock, url } = options
  const agent = new Agent({
    connections: 8,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    maxResponseSize: listBytesMax,
    connect: {
      ca: await readAuthority(options.caPath),
      ...options.certificate,
      timeout: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: 5_000,
    },
  })
  const authorization = tokenReader(options.tokenPath, clock)
  const server = serverClock(clock)
  const call = async <T>(method: string, path: string, body?: unknown, patch?: PatchType): Promise<T> => {
    const headers = {
      ...(await authorization()),
      ...(body !== undefined && { 'content-type': typeOf(method, patch) }),
    }
    const { statusCode, text } = await reached(url, async () => {
      const response = await request(url + path, {
        dispatcher: agent,
        method: method as 'GET',
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(callTimeoutMs),
      })
      server.note(response.headers.date)
      return { statusCode: response.statusCode, text: await response.body.text() }
    })
    if (statusCode >= 400) throw errorFrom(statusCode, text)
    return JSON.parse(text) as T
  }
  return {
    async get<T>(path: string) {
      try {
        return await call<T>('GET', path)
      } catch (error) {
        if (error instanceof KubernetesError && error.status === 404) return undefined
        throw error
      }
    },
    send: call,
    async *watch<T>(path: string, resourceVersion: string, signal: AbortSignal) {
      const seconds = Math.round(watchSeconds.min + clock.random() * (watchSeconds.max - watchSeconds.min))
      const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}&timeoutSeconds=${seconds}`
      const { statusCode, body } = await request(`${url}${path}${path.includes('?') ? '&' : '?'}${query}`, {
        dispatcher: agent,
        headers: await authorization(),
        headersTimeout: callTimeoutMs,
        bodyTimeout: 0,
        signal: AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000 + watchGraceMs)]),
      })
      if (statusCode >= 400) throw errorFrom(statusCode, await body.text())
      for await (const line of lines(body)) {
        const event = JSON.parse(line) as WatchEvent<T>
        if (event.type === 'ERROR') throw errorOf(event.object as Status)
        yield event
      }
    },
    serverMs: server.nowMs,
    async [Symbol.asyncDispose]() {
      await agent.destroy()
    },
  }
}

async function reached<T>(url: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    throw new KubernetesUnavailable(`the API server at ${url} did not answer`, { cause })
  }
}

/** Source: RFC 9110 section 6.6.1 (Date). */
function serverClock(clock: Clock) {
  let [serverMs, atMs] = [Number.NaN, 0]
  return {
    note(date: string | string[] | undefined) {
      const ms = typeof date === 'string' ? Date.parse(date) : Number.NaN
      if (!Number.isNaN(ms)) [serverMs, atMs] = [ms, clock.monotonicMs()]
    },
    nowMs: () => (Number.isNaN(serverMs) ? undefined : serverMs + clock.monotonicMs() - atMs),
  }
}

type Status = { code?: number; reason?: string; message?: string }

const typeOf = (method: string, patch: PatchType = 'merge') =>
  method === 'PATCH'
    ? `application/${patch}-patch+${patch === 'apply' ? 'yaml' : 'json'}`
    : 'application/json'

/** Tokens of service accounts are replaced on disk before they run out, about every fifty minutes. */
function tokenReader(path: string | undefined, clock: Clock): () => Promise<Record<string, string>> {
  let token = ''
  let readAtMs = Number.NEGATIVE_INFINITY
  return async (): Promise<Record<string, string>> => {
    if (path === undefined) return {}
    if (clock.monotonicMs() - readAtMs > tokenReadEveryMs) {
      token = (await readFile(path, 'utf8')).trim()
      readAtMs = clock.monotonicMs()
    }
    return { authorization: `Bearer ${token}` }
  }
}

async function* lines(body: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > lineCharactersMax) throw new RangeError('the API server sent a line without an end')
    for (const part of parts) if (part !== '') yield part
  }
}

function errorFrom(status: number, text: string): KubernetesError {
  try {
    return errorOf({ code: status, ...(JSON.parse(text) as Status) })
  } catch {
    // No JSON: the text is told as it is.
    return new KubernetesError(status, 'Unknown', `the API server answered ${status}: ${text.slice(0, 200)}`)
  }
}

const errorOf = ({ code = 500, reason = 'Unknown', message = 'no reason given' }: Status) =>
  new KubernetesError(code, reason, message)
