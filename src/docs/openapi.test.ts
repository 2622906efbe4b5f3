import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicRoutes } from '#roles'
import { openApi } from './openapi.ts'
import { postmanCollection } from './postman.ts'

const document = await openApi('1.2.3')
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))

test('the document is OpenAPI 3.1 and its references all lead somewhere', () => {
  assert.match(document.openapi, /^3\.1\./)
  const references: string[] = []
  JSON.stringify(document, (key, value: unknown) => {
    if (key === '$ref') references.push(String(value))
    return value
  })
  assert.ok(references.length > 20)
  for (const reference of references) {
    const [start, ...path] = reference.split('/')
    assert.equal(start, '#', reference)
    const found = path.reduce<unknown>(
      (at, key) => (at as Record<string, unknown> | undefined)?.[key],
      document,
    )
    assert.ok(found, `${reference} leads nowhere`)
  }
})

test('every public route is documented, and nothing internal', () => {
  for (const { method, path } of publicRoutes)
    assert.ok(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`)
  assert.equal(operations.length, publicRoutes.length)
  for (const path of Object.keys(document.paths)) assert.match(path, /^\/api\//)
})

test('every operation has a name of its own, words, and answers; errors are problems', () => {
  const ids = operations.map(({ operationId }) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  for (const { operationId, summary, tags, responses } of operations) {
    assert.match(operationId, /^[a-z]\w+$/)
    assert.ok(summary.length > 5 && tags.length === 1, operationId)
    assert.ok(
      Object.keys(responses).some((status) => status < '300'),
      operationId,
    )
    for (const [status, { content, description }] of Object.entries(responses)) {
      assert.ok(description, `${operationId} ${status}`)
      if (status >= '400')
        assert.deepEqual(Object.keys(content ?? {}), ['application/problem+json'], operationId)
    }
  }
})

test('shared shapes go by their names', () => {
  for (const name of ['Book', 'Money', 'NewOrder', 'Order', 'Problem', 'Voucher'])
    assert.ok(document.components.schemas[name], name)
  for (const name of Object.keys(document.components.schemas)) assert.match(name, /^[A-Z][A-Za-z]+$/)
  const { content } = document.paths['/api/orders']?.post?.requestBody ?? {}
  assert.deepEqual(content?.['application/json']?.schema, { $ref: '#/components/schemas/NewOrder' })
})

test('who may call an operation is part of it', () => {
  const securityOf = (path: string, method: string) => document.paths[path]?.[method]?.security ?? []
  assert.deepEqual(securityOf('/api/books', 'get'), [])
  assert.deepEqual(securityOf('/api/books', 'post'), [{ staffSession: [] }, { staffToken: [] }])
  assert.deepEqual(securityOf('/api/orders/{id}', 'get')[0], { orderToken: [] })
  assert.deepEqual(Object.keys(document.components.securitySchemes), [
    'orderToken',
    'staffSession',
    'staffToken',
  ])
})

test('the Postman collection has a request for every operation, against one base URL', async () => {
  const collection = await postmanCollection(document)
  const text = JSON.stringify(collection)
  assert.match(collection.info.schema, /v2\.1\.0/)
  const count = (items: readonly { item?: unknown }[]): number =>
    items.reduce((sum, { item }) => sum + (Array.isArray(item) ? count(item) : 1), 0)
  assert.equal(count(collection.item), publicRoutes.length)
  assert.deepEqual(collection.variable[0], { key: 'baseUrl', value: 'http://localhost:8080' })
  assert.match(text, /\{\{orderToken\}\}/)
  assert.ok(JSON.stringify(await postmanCollection(document)) === text, 'the same API gives the same file')
})
