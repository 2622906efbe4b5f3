import type { TSchema } from '#kernel/type'

/** A JSON schema as plain data. */
export type JsonSchema = { [key: string]: unknown }

/** Schemas that carry an `$id`, taken out of the routes that use them, so that each is described once by its name. */
export type NamedSchemas = {
  /** The schema with a reference in place of every named part. */
  reference(schema: TSchema): JsonSchema
  readonly all: ReadonlyMap<string, JsonSchema>
}

export function namedSchemas(): NamedSchemas {
  const all = new Map<string, JsonSchema>()
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== 'object' || value === null) return value
    const { $id, ...rest } = value as JsonSchema
    const inner = Object.fromEntries(Object.entries(rest).map(([key, part]) => [key, visit(part)]))
    if (typeof $id === 'string') {
      // JSON schema keywords beside a reference are allowed in OpenAPI 3.1, but one name is one shape.
      if (!all.has($id)) all.set($id, { $id, ...simplified(inner) })
      return { $ref: `${$id}#` }
    }
    if (typeof inner.$ref === 'string' && !inner.$ref.includes('#')) inner.$ref = `${inner.$ref}#`
    return simplified(inner)
  }
  return { reference: (schema) => visit(schema) as JsonSchema, all }
}

/** A choice between constants reads better as an enumeration. */
function simplified(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || !anyOf.every((choice) => typeof choice?.const === 'string')) return schema
  return { ...rest, type: 'string', enum: anyOf.map((choice) => choice.const as string) }
}
