import assert from 'node:assert/strict'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'

type Media = { schema?: object }
export type Parameter = { name: string; in: string; required?: boolean; schema: object }
export type Operation = {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media>; headers?: object }>
  security?: object[]
}
type Document = {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

/** What the store says about itself at /openapi.json, to hold its answers against. */
export type OpenApi = {
  document: Document
  /** The operation that answers this request, if one is documented. */
  find(method: string, path: string): Operation | undefined
  /** @throws AssertionError when the answer is not one that the document describes */
  check(operation: Operation, status: number, type: string | undefined, body: unknown): void
  /** `operationId status` of every answer checked so far. */
  readonly seen: ReadonlySet<string>
}

/** Answers that any operation may give before its route has its say, and that are therefore described once. */
const anywhere = new Set([405, 408, 413, 414, 415, 417, 431])

export async function readOpenApi(url: string): Promise<OpenApi> {
  const response = await fetch(`${url}/openapi.json`)
  assert.equal(response.status, 200)
  const document = (await response.json()) as Document
  const seen = new Set<string>()
  const operations = Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      operation,
    })),
  )
  const validatorFor = validators(document)
  return {
    document,
    seen,
    find: (method, path) =>
      operations.find((each) => each.method === method && each.pattern.test(path))?.operation,
    check(operation, status, type, body) {
      const what = `${operation.operationId} ${status}`
      seen.add(what)
      const described = operation.responses[status]
      if (described === undefined) {
        assert.ok(anywhere.has(status), `${what} is not documented`)
        return
      }
      const content = described.content ?? {}
      if (type === undefined) {
        assert.deepEqual(Object.keys(content), [], `${what} has no body, but its document has`)
        return
      }
      const media = content[type]
      assert.ok(media, `${what} came as ${type}, documented are ${Object.keys(content).join(', ') || 'none'}`)
      if (media.schema === undefined || !/json/.test(type)) return
      const validate = validatorFor(media.schema)
      assert.ok(validate(body), `${what}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(body)}`)
    },
  }
}

/** The schema with no field let through that it does not name: what is not documented must not be told. */
function closed<T>(schema: T): T {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(closed) as T
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  return ('properties' in inner ? { additionalProperties: false, ...inner } : inner) as T
}

function validators(document: Document): (schema: object) => ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true, formats: { 'idn-email': true } })
  addFormats.default(ajv)
  // References are by pointer into the document, so the document itself is the schema they start from.
  const { Problem, ...schemas } = document.components.schemas
  ajv.addSchema({ $id: 'openapi', components: { schemas: { Problem, ...closed(schemas) } } })
  const compiled = new WeakMap<object, ValidateFunction>()
  return (schema) => {
    const known = compiled.get(schema)
    if (known !== undefined) return known
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/')
    const validate = ajv.compile(closed(JSON.parse(text)))
    compiled.set(schema, validate)
    return validate
  }
}
