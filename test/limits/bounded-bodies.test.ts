import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anonymousBytesMax, bodyBytesMaxOf } from '#kernel/body-limits'
import type { Route } from '#kernel/contract'
import { publicRoutes } from '#roles'

type Schema = {
  type?: string
  properties?: Record<string, Schema>
  additionalProperties?: unknown
  items?: Schema
  maxItems?: number
  anyOf?: Schema[]
  maxLength?: number
  pattern?: string
  format?: string
  enum?: unknown[]
}

function unbounded(schema: Schema, at: string): string[] {
  const forms = (schema.anyOf ?? []).flatMap((form) => unbounded(form, at))
  if (schema.type === 'array')
    return [
      ...(schema.maxItems === undefined ? [`${at} has any number of items`] : []),
      ...unbounded(schema.items ?? {}, `${at}[]`),
    ]
  if (schema.type !== 'object') return forms
  return [
    ...(schema.additionalProperties === false ? [] : [`${at} takes any field`]),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) => unbounded(each, `${at}.${name}`)),
  ]
}

const routes = publicRoutes as readonly Route[]

test('every body that is taken from outside is closed, and its lists end somewhere', () => {
  const found = routes.flatMap((route) =>
    route.body === undefined ? [] : unbounded(route.body as Schema, `${route.method} ${route.path}`),
  )
  assert.deepEqual(found, [])
  assert.equal(unbounded({ type: 'object', properties: { a: { type: 'array' } } }, 'x').length, 2)
})

test('what strangers may send is small; more is for the staff', () => {
  for (const route of routes)
    if (route.access.kind !== 'staff')
      assert.ok((bodyBytesMaxOf(route) ?? 0) <= anonymousBytesMax, `${route.method} ${route.path}`)
})
