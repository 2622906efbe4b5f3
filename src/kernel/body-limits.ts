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
  type?: unknown
  properties?: Readonly<Record<string, Schema>>
  items?: Schema
  maxItems?: number
  anyOf?: readonly Schema[]
}

/** What of a value is far too large, or nothing. */
export type ExcessCheck = (value: unknown) => FieldError | undefined

/**
 * A check for what makes a value so large that checking it piece by piece would itself be an attack: far more items or
 * fields than its schema has. It looks only at what the schema knows, so it costs no more than an honest value does.
 */
export function excessCheck(schema: Schema): ExcessCheck {
  const find = finderOf(schema)
  return (value) => {
    const excess = find?.(value)
    return excess && { field: excess.path.slice(1) || 'body', message: excess.message }
  }
}

/** `path` is put together on the way back, so that it costs nothing where nothing is found. */
type Found = { path: string; message: string } | undefined
type Find = (value: unknown) => Found

/** Nothing for a schema that has neither items nor fields to count. */
function finderOf(schema: Schema): Find | undefined {
  const forms = (schema.anyOf ?? []).map(finderOf).filter((find) => find !== undefined)
  const ofArray = schema.items && arrayFinder(schema.items, schema.maxItems ?? itemsMaxDefault)
  const ofObject = schema.properties && objectFinder(schema.properties)
  if (forms.length === 0 && !ofArray && !ofObject) return undefined
  return (value) => {
    if (value === null || typeof value !== 'object') return undefined
    for (const find of forms) {
      const found = find(value)
      if (found !== undefined) return found
    }
    return Array.isArray(value) ? ofArray?.(value) : ofObject?.(value)
  }
}

function arrayFinder(items: Schema, itemsMax: number): (value: readonly unknown[]) => Found {
  const find = finderOf(items)
  return (value) => {
    if (value.length > itemsMax + slack)
      return { path: '', message: `must NOT have more than ${itemsMax} items` }
    for (let i = 0; find !== undefined && i < value.length; i++) {
      const found = find(value[i])
      if (found !== undefined) return { ...found, path: `[${i}]${found.path}` }
    }
    return undefined
  }
}

function objectFinder(properties: NonNullable<Schema['properties']>): (value: object) => Found {
  const known = Object.keys(properties).length
  const within = Object.entries(properties).flatMap(([name, each]) => {
    const find = finderOf(each)
    return find === undefined ? [] : [{ name, find }]
  })
  return (value) => {
    const given = Object.keys(value).length
    if (given > known + slack) return { path: '', message: `has ${given} fields; there are only ${known}` }
    for (const { name, find } of within) {
      if (!Object.hasOwn(value, name)) continue
      const found = find((value as Record<string, unknown>)[name])
      if (found !== undefined) return { ...found, path: `.${name}${found.path}` }
    }
    return undefined
  }
}

/**
 * Fields and items that a body of this schema may have, in all, and still be looked at one by one; what has more would be
 * refused as a whole after it was read. Infinite where the schema takes anything.
 */
export function partsMaxOf(schema: Schema): number {
  const { type, properties, items, maxItems, anyOf } = schema
  if (anyOf !== undefined) return Math.max(...anyOf.map(partsMaxOf))
  if (items !== undefined) return ((maxItems ?? itemsMaxDefault) + slack) * (1 + partsMaxOf(items))
  if (properties !== undefined)
    return Object.values(properties).reduce((sum, field) => sum + 1 + partsMaxOf(field), slack)
  const isPlain = 'const' in schema || 'enum' in schema || (type !== undefined && !containers.has(type))
  return isPlain ? 0 : Number.POSITIVE_INFINITY
}

const containers: ReadonlySet<unknown> = new Set(['object', 'array'])

const [quote, backslash] = [0x22, 0x5c]
/** In JSON one of these stands before each field and each item, whatever stands in strings. */
const beginnings: ReadonlySet<number> = new Set([0x2c, 0x5b, 0x7b])

/**
 * Whether JSON has more fields and items than this, by a glance that costs less than passing it on. Source: RFC 8259.
 * @param bytes what claims to be JSON, in UTF-8
 */
export function hasMoreParts(bytes: Uint8Array, partsMax: number): boolean {
  let parts = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (inString && byte === backslash) i++
    else if (byte === quote) inString = !inString
    else if (!inString && beginnings.has(byte) && ++parts > partsMax) return true
  }
  return false
}
