/** One wrong field of a request, as `errors` of a 400 names it. */
export type FieldError = { field: string; message: string }

/** What is left of a title, as `lines` of an out-of-stock problem says it. */
export type ShortLine = { isbn: string; requested: number; available: number }

/** Problems made here, when no answer came at all. */
export type LocalKind = 'timeout' | 'network'

const offline: Record<LocalKind, string> = {
  timeout: 'The shop did not answer in time.',
  network: 'The shop cannot be reached. Check your connection.',
}

/** An answer that is not a success, or none at all. Source: RFC 9457. */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  /** Last part of the problem's type URI, such as `out-of-stock`; `timeout` or `network` when no answer came. */
  readonly kind: string
  /** Members of the problem besides the standard ones. */
  readonly fields: Readonly<Record<string, unknown>>
  /** From `Retry-After`. */
  readonly retryAfterMs: number | undefined

  constructor(
    status: number,
    kind: string,
    detail: string,
    fields: Readonly<Record<string, unknown>> = {},
    retryAfterMs?: number,
  ) {
    super(detail)
    this.status = status
    this.kind = kind
    this.fields = fields
    this.retryAfterMs = retryAfterMs
  }

  static local(kind: LocalKind, cause?: unknown): ApiProblem {
    const problem = new ApiProblem(0, kind, offline[kind])
    problem.cause = cause
    return problem
  }

  /** The same request may well succeed in a moment. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.kind === 'in-flight'
  }

  /** Wrong fields of a 400 by name (`customer.email`), the first message of each. */
  get fieldErrors(): Readonly<Record<string, string>> {
    const errors = this.fields.errors
    if (!Array.isArray(errors)) return {}
    const byField: Record<string, string> = {}
    for (const error of errors as FieldError[]) byField[dotted(error.field)] ??= error.message
    return byField
  }

  /** What is left per title, when the problem is `out-of-stock`. */
  get shortLines(): readonly ShortLine[] {
    return this.kind === 'out-of-stock' && Array.isArray(this.fields.lines)
      ? (this.fields.lines as ShortLine[])
      : []
  }
}

/** Reads a failed response into a problem; bodies that are not problem+json (a proxy's page) become one as well. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), Date.now())
  const body = await readProblemBody(response)
  if (!body) {
    const detail =
      response.status >= 500 ? 'The shop is not well at the moment.' : `The shop answered ${response.status}.`
    return new ApiProblem(response.status, 'unknown', detail, {}, retryAfterMs)
  }
  const { type, title, status: _status, detail, instance: _instance, ...fields } = body
  const kind =
    String(type ?? 'unknown')
      .split('/')
      .at(-1) || 'unknown'
  return new ApiProblem(
    response.status,
    kind,
    String(detail ?? title ?? 'Something went wrong.'),
    fields,
    retryAfterMs,
  )
}

/**
 * `Retry-After` in milliseconds from now: seconds or an HTTP date. Source: RFC 9110, section 10.2.3.
 */
export function readRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (!value) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

async function readProblemBody(response: Response): Promise<Record<string, unknown> | undefined> {
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) return undefined
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** `/customer/email` and `customer/email` → `customer.email`. */
const dotted = (field: string) => field.replace(/^[/.]+/, '').replaceAll('/', '.')
