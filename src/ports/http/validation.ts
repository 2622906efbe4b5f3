import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyRouteSchemaDef, FastifySchema } from 'fastify/types/schema.js'
import { excessCheck } from '#kernel/body-limits'
import { isEmail } from '#kernel/email'
import { parseIsbn } from '#kernel/isbn'

const options = {
  allErrors: true,
  useDefaults: true,
  removeAdditional: false,
  strict: false,
  verbose: true,
  // Schemas are made by #kernel/type: looking each over again is a third of what a role's start spends on them.
  meta: false,
  validateSchema: false,
}
const ajv = new Ajv(options)
addFormats.default(ajv, ['date-time', 'uuid'])
ajv.addFormat('idn-email', isEmail)
ajv.addFormat('isbn', (text: string) => parseIsbn(text).kind === 'ok')

const compiled = new WeakMap<object, ValidateFunction>()

/** Fastify's validator: one compiled check per schema, every wrong field named. */
export function inputValidator({ schema, httpPart }: FastifyRouteSchemaDef<FastifySchema>): ValidateFunction {
  const known = compiled.get(schema)
  if (known) return known
  // Schemas carry names for the API page; compiled copies go without, so that two routes may share one.
  const { $id: _name, ...anonymous } = schema as Record<string, unknown>
  const compiledCheck = ajv.compile(withoutNames(anonymous))
  // Requests have many headers that no route names; how many, the server itself limits.
  const read = httpPart === 'querystring' || httpPart === 'params' ? textReader(anonymous) : undefined
  const validate = httpPart === 'headers' ? compiledCheck : bounded(compiledCheck, anonymous, read)
  compiled.set(schema, validate)
  return validate
}

/** Longer numbers are none that a computer counts by. */
const digitsMax = 15

/**
 * A JSON body means what it says. A query string and a path have only text, so numbers and flags are read from it, in
 * place, where they are written in the usual way; what is not stays text, and is no number.
 */
function textReader({ properties = {} }: { properties?: Record<string, { type?: string }> }) {
  const typed = Object.entries(properties).filter(([, { type }]) => type === 'integer' || type === 'boolean')
  return (value: Record<string, unknown>) => {
    for (const [name, { type }] of typed) {
      const text = value[name]
      if (typeof text !== 'string') continue
      if (type === 'boolean' && (text === 'true' || text === 'false')) value[name] = text === 'true'
      if (type === 'integer' && text.length <= digitsMax && /^-?\d+$/.test(text)) value[name] = Number(text)
    }
  }
}

/** Naming every wrong field of a value costs as much as it has fields, so what has far too many is refused as a whole. */
function bounded(
  validate: ValidateFunction,
  schema: Record<string, unknown>,
  read?: (value: Record<string, unknown>) => void,
): ValidateFunction {
  const excessOf = excessCheck(schema)
  const check = (value: unknown) => {
    read?.(value as Record<string, unknown>)
    const excess = excessOf(value)
    check.errors =
      excess === undefined
        ? undefined
        : [
            {
              keyword: 'excess',
              instancePath: excess.field,
              schemaPath: '',
              params: {},
              message: excess.message,
            },
          ]
    if (excess !== undefined) return false
    const isValid = validate(value)
    check.errors = validate.errors
    return isValid
  }
  check.errors = undefined as ValidateFunction['errors']
  return check as unknown as ValidateFunction
}

function withoutNames(node: unknown): Record<string, unknown> {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key, each]) => !(key === '$id' && typeof each === 'string'))
        .map(([key, each]) => [key, strip(each)]),
    )
  }
  return strip(node) as Record<string, unknown>
}
