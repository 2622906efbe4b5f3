/** RFC 9457 problem details, as an error that a handler throws and the HTTP port answers with. */
export type FieldError = { field: string; message: string }

/** The base of every problem type URI; the pages it names are part of the API reference. */
export const problemBase = 'https://octavo.example/problems/'

export class Problem extends Error {
  override name = 'Problem'
  readonly status: number
  /** Last part of the type URI, such as `out-of-stock`. */
  readonly kind: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    kind: string,
    detail: string,
    fields: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail)
    this.status = status
    this.kind = kind
    this.fields = fields
    this.headers = headers
  }

  /** The JSON body of RFC 9457 section 3.1; `instance` is the request's path. */
  toBody(instance: string): Record<string, unknown> {
    return {
      type: problemBase + this.kind,
      title: titleOf(this.kind),
      status: this.status,
      detail: this.message,
      instance,
      ...this.fields,
    }
  }
}

/** `out-of-stock` → `Out of stock`. */
function titleOf(kind: string): string {
  const words = kind.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export const notFound = (what: string) => new Problem(404, 'not-found', `There is no ${what}.`)

/** An answer names every wrong field, up to a number that no honest request has. */
const errorsMax = 100

export function invalid(all: readonly FieldError[]): Problem {
  const errors = all.slice(0, errorsMax)
  return new Problem(400, 'invalid-request', errors.map((e) => `${e.field}: ${e.message}`).join('; '), {
    errors,
  })
}

export const unauthorized = () =>
  new Problem(401, 'unauthorized', 'Log in as staff first.', {}, { 'www-authenticate': 'Bearer' })

export const forbidden = (needed: readonly string[]) =>
  new Problem(403, 'forbidden', `This needs the role ${needed.join(' or ')}.`)

/** Overload or a part that is away for now: the caller should come back after `retryAfterSeconds`. */
export const unavailable = (detail: string, retryAfterSeconds = 1) =>
  new Problem(503, 'unavailable', detail, {}, { 'retry-after': String(retryAfterSeconds) })

/** Tells the gateway that an instance is well and only has too much to do; it goes no further. */
export const fullHeader = 'x-octavo-full'

/** Like `unavailable`, of a part that is well but has too much to do: no reason to ask another or to stop asking. */
export const full = (detail: string, retryAfterSeconds = 1) =>
  new Problem(503, 'unavailable', detail, {}, { 'retry-after': String(retryAfterSeconds), [fullHeader]: '1' })

export const tooMany = (detail: string, retryAfterSeconds = 1) =>
  new Problem(429, 'too-many-requests', detail, {}, { 'retry-after': String(retryAfterSeconds) })
