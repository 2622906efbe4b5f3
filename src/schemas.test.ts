import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv } from 'ajv'

const parts = ['params', 'query', 'headers', 'body', 'reply'] as const
const ajv = new Ajv({ strict: false })

// A process that serves takes its schemas on trust: looking each over costs it a start.
test('every schema that a route names is one', async () => {
  const services = readdirSync(new URL('./services/', import.meta.url))
  const contracts = await Promise.all(services.map((service) => import(`./services/${service}/contract.ts`)))
  const routes = contracts
    .flatMap((contract) => Object.values<Record<string, unknown>>(contract))
    .filter(isRoute)
  assert.ok(routes.length > 50, `there are ${routes.length} routes`)
  const wrong = routes.flatMap((route) =>
    parts.filter((part) => route[part] && !isSchema(route[part])).map((part) => `${route.path}: ${part}`),
  )
  assert.deepEqual(wrong, [])
})

test('what is no schema is noticed', () => {
  assert.equal(isSchema({ type: 'object', properties: { id: { type: 'strin' } } }), false)
  assert.equal(isSchema({ type: 'integer', minimum: '1' }), false)
})

const isRoute = (value: Record<string, unknown> | null): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && 'method' in value && 'path' in value

const isSchema = (schema: unknown) => ajv.validateSchema(schema as object) === true
