import { ApiProblem, problemOf } from './problem.ts'

const deadlineDefaultMs = 10_000

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export type CallOptions = {
  query?: Query
  /** Sent as JSON. A string or a file is sent as it is, with `contentType`. */
  body?: unknown
  contentType?: string
  /** The token of an order. */
  token?: string
  headers?: Readonly<Record<string, string>>
  deadlineMs?: number
  /** Gives the call up early, as when the reader has typed on. */
  signal?: AbortSignal
}

/** A success: its JSON body (undefined when there is none), status and headers. */
export type Reply<T> = { data: T; status: number; headers: Headers }

/**
 * Calls the API and returns the body of its answer.
 * @param path such as `/api/books`, already percent-encoded; see {@link segment}
 * @throws ApiProblem for every answer that is not a success, and for none within the deadline
 */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  return (await callForReply<T>(method, path, options)).data
}

/** Like {@link call}, with status and headers (`ETag`, `Location`, `Idempotent-Replayed`). */
export async function callForReply<T>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Reply<T>> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? deadlineDefaultMs)
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline
  try {
    const response = await fetch(path + search(options.query), {
      method,
      headers: headersOf(options),
      body: bodyOf(options),
      credentials: 'same-origin',
      signal,
    })
    if (!response.ok) throw await problemOf(response)
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    const data = (response.status === 204 || !isJson ? undefined : await response.json()) as T
    return { data, status: response.status, headers: response.headers }
  } catch (error) {
    if (error instanceof ApiProblem) throw error
    if (options.signal?.aborted) throw error
    throw ApiProblem.local(deadline.aborted ? 'timeout' : 'network', error)
  }
}

/** One segment of a path. */
export const segment = (text: string) => encodeURIComponent(text)

/** `{ q: 'emma', page: undefined }` → `?q=emma`; empty when nothing is asked. */
export function search(query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

function headersOf(options: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers }
  if (options.contentType) headers['content-type'] = options.contentType
  else if (options.body !== undefined) headers['content-type'] = 'application/json'
  if (options.token) headers.authorization = `Bearer ${options.token}`
  return headers
}

function bodyOf(options: CallOptions): BodyInit | undefined {
  if (options.body === undefined) return undefined
  return options.contentType ? (options.body as BodyInit) : JSON.stringify(options.body)
}
