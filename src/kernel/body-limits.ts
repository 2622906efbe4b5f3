import type { Route } from './contract.ts'
import type { FieldError } from './problem.ts'

/** Bytes of a body that a public route takes unless it says otherwise: many times what an honest one has. */
export const bodyBytesMaxDefault = 16 * 1024
/** A route with more than this is for staff alone, whose session is looked at before their body is. */
export const anonymousBytesMax = 16 * 1024

/** So many items or fields beyond what a schema allows are still looked at one by one, so that each can be named. */
const slack = 20
const itemsMaxDefault = 1_000

/** The JSON bodies a route takes, in bytes; undefined where the server's own limit holds (internal calls, streams). */
export function bodyBytesMaxOf(route: Route): number | undefined {
  if (route.access.kind === 'internal' || route.streams !== undefined) return undefined
  return route.bodyBytesMax ?? bodyBytesMaxDefault
}

type Schema = {
  properties?: Readonly<Record<string, Schema>>
  items?: Schema
  maxItems?: number
  anyOf?: readonly Schema[]
}

/**
 * What makes a value so large that checking it piece by piece would itself be an attack: far more items or fields than
 * its schema has. Looks only at what the schema knows, so it costs no more than an honest value does.
 */
export function excessOf(value: unknown, schema: Schema, path = ''): FieldError | undefined {
  if (value === null || typeof value !== 'object') return undefined
  for (const form of schema.anyOf ?? []) {
    const excess = excessOf(value, form, path)
    if (excess !== undefined) return excess
  }
  return Array.isArray(value) ? excessOfArray(value, schema, path) : excessOfObject(value, schema, path)
}

function excessOfArray(value: readonly unknown[], schema: Schema, path: string): FieldError | undefined {
  if (schema.items === undefined) return undefined
  const itemsMax = schema.maxItems ?? itemsMaxDefault
  if (value.length > itemsMax + slack)
    return { field: path || 'body', message: `must NOT have more than ${itemsMax} items` }
  for (const [i, each] of value.entries()) {
    const excess = excessOf(each, schema.items, `${path}[${i}]`)
    if (excess !== undefined) return excess
  }
  return undefined
}

function excessOfObject(value: object, schema: Schema, path: string): FieldError | undefined {
  const { properties } = schema
  if (properties === undefined) return undefined
  const known = Object.keys(properties)
  const given = Object.keys(value).length
  if (given > known.length + slack)
    return { field: path || 'body', message: `has ${given} fields; there are only ${known.length}` }
  for (const name of known) {
    if (!Object.hasOwn(value, name)) continue
    const within = path === '' ? name : `${path}.${name}`
    const excess = excessOf((value as Record<string, unknown>)[name], properties[name] ?? {}, within)
    if (excess !== undefined) return excess
  }
  return undefined
}
