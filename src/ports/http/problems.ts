import { parseIsbn } from '#kernel/isbn'
import { type FieldError, invalid, Problem, unavailable } from '#kernel/problem'
import { hiddenCharacters, piledMarks, shownCharacter, turningCharacters } from '#kernel/schemas'
import { Unavailable } from '#kernel/unavailable'
import { logger } from '#ports/log'

const log = logger('http')

/** What a thrown error is to the caller. Only a fault of ours is a 5xx, and it never shows its insides. */
export function problemOf(error: unknown, service: string, requestId?: string): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Unavailable)
    return unavailable('A part of the shop is not answering; try again in a moment.')
  const { validation, validationContext, statusCode, code, message } = error as FastifyFault
  if (validation) return inputProblem(validation, validationContext)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new Problem(
      415,
      'unsupported-media-type',
      'Send the body as application/json (or what the route names).',
    )
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Problem(413, 'body-too-large', 'The body is too large.')
  if (code === 'FST_ERR_BAD_URL')
    return new Problem(400, 'bad-request', 'The address is not well percent-encoded.')
  if (statusCode === 414) return new Problem(414, 'uri-too-long', 'A part of the address is too long.')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Problem(statusCode, 'bad-request', message ?? 'The request is malformed.')
  log.error('unexpected', { service, ...(requestId !== undefined && { requestId }), error })
  return new Problem(500, 'internal-error', 'Something went wrong on our side; it has been logged.')
}

/** Everything that is wrong with a part of a request. @param part such as `body`, when the fault is in no field */
export function inputProblem(faults: readonly AjvFault[], part?: string): Problem {
  const errors = faults.map((fault) => ({ fault, error: fieldErrorOf(fault, part) }))
  const isSaidWithin = ({ field }: FieldError) =>
    errors.some(({ error }) => error.field.startsWith(`${field}.`) || error.field.startsWith(`${field}[`))
  const telling = errors.filter(({ fault, error }) => !isOfChoice(fault) || !isSaidWithin(error))
  return invalid(oncePerField(telling.map(({ error }) => error)))
}

/** Whether it only says that a value is none of several forms, of which null is one. */
const isOfChoice = ({ keyword, params }: AjvFault) =>
  keyword === 'anyOf' || (keyword === 'type' && params.type === 'null')

type AjvFault = {
  keyword: string
  instancePath: string
  message?: string
  params: Record<string, unknown>
  data?: unknown
}
type FastifyFault = {
  validation?: AjvFault[]
  validationContext?: string
  statusCode?: number
  code?: string
  message?: string
}

/** Names of fields that do not exist come back this long. */
const nameShownMax = 100

/** `/lines/0/quantity` → `lines[0].quantity`, with a sentence a person can act on. */
function fieldErrorOf(fault: AjvFault, context = 'body'): FieldError {
  if (fault.keyword === 'excess')
    return { field: fault.instancePath, message: fault.message ?? 'has too much' }
  const path = fault.instancePath
    .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
    .replace(/^\./, '')
  const within = (name: unknown) => {
    const short = String(name).slice(0, nameShownMax)
    return path === '' ? short : `${path}.${short}`
  }
  if (fault.keyword === 'additionalProperties')
    return { field: within(fault.params.additionalProperty), message: 'is not a field of this request' }
  if (fault.keyword === 'required')
    return { field: within(fault.params.missingProperty), message: 'is required' }
  if (fault.keyword === 'pattern') return { field: path || context, message: patternFault(fault.data) }
  if (fault.params.format === 'isbn') return { field: path || context, message: isbnFault(fault.data) }
  if (fault.params.format === 'idn-email')
    return { field: path || context, message: 'is not an e-mail address' }
  if (fault.keyword === 'format')
    return { field: path || context, message: `is not a valid ${fault.params.format}` }
  if (fault.keyword === 'anyOf' || fault.keyword === 'const' || fault.keyword === 'enum')
    return { field: path || context, message: 'is not one of the values allowed here' }
  return { field: path || context, message: fault.message ?? 'is not valid' }
}

const turning = new RegExp(`[${turningCharacters}]`, 'u')
const hidden = new RegExp(`[${hiddenCharacters}]`, 'u')
const piled = new RegExp(piledMarks, 'u')
const shown = new RegExp(shownCharacter, 'u')

function patternFault(data: unknown): string {
  const text = typeof data === 'string' ? data.slice(0, 2_000) : ''
  if (turning.test(text)) return 'holds characters that turn the direction of text around'
  if (hidden.test(text)) return 'holds characters that nobody can see'
  if (piled.test(text)) return 'piles too many marks on a letter'
  if (text !== '' && !shown.test(text)) return 'shows nothing'
  return 'has characters or a form not allowed here'
}

/** A choice between forms fails once for each of them; one sentence per field is what a form can show. */
function oncePerField(errors: readonly FieldError[]): FieldError[] {
  const first = new Map<string, FieldError>()
  for (const error of errors) if (!first.has(error.field)) first.set(error.field, error)
  return [...first.values()]
}

function isbnFault(text: unknown): string {
  const parsed = parseIsbn(String(text))
  return parsed.kind === 'error' ? parsed.message : 'is not a valid ISBN'
}
