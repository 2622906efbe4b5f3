import { createRequire } from 'node:module'
import { requestExamples } from './examples.ts'
import type { OpenApi, Operation } from './openapi.ts'

export type Collection = { info: { name: string; schema: string }; item: Item[]; variable: Variable[] }
type Variable = { key: string; value: string }
type Item = {
  id?: string
  name: string
  item?: Item[]
  request?: Request
  response?: unknown[]
  event?: unknown[]
}
type Parameter = { key: string; value: unknown; disabled?: boolean }
type Request = {
  url: { query?: Parameter[]; variable?: Parameter[] }
  header?: Parameter[]
  auth?: unknown
}
type Conversion = { result: boolean; reason?: string; output?: { type: string; data: Collection }[] }
type Converter = {
  convertV2(
    input: { type: 'json'; data: unknown },
    options: Record<string, unknown>,
    done: (error: Error | null, conversion: Conversion) => void,
  ): void
}

const variables: Variable[] = [
  { key: 'baseUrl', value: 'http://localhost:8080' },
  { key: 'orderId', value: '' },
  { key: 'orderToken', value: '' },
  { key: 'staffToken', value: '' },
]

/** What a request leaves behind for the ones after it. */
const keeps: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  placeOrder: { orderId: 'id', orderToken: 'token' },
  logIn: { staffToken: 'token' },
}

/**
 * A Postman collection (v2.1) of the same API. `baseUrl` is the one variable to set; placing an order and logging in
 * fill the tokens that other requests use.
 */
export async function postmanCollection(document: OpenApi): Promise<Collection> {
  const converter = createRequire(import.meta.url)('openapi-to-postmanv2') as Converter
  const conversion = await new Promise<Conversion>((resolve, reject) => {
    converter.convertV2(
      { type: 'json', data: structuredClone(document) },
      { folderStrategy: 'Tags', parametersResolution: 'Example' },
      (error, result) => (error ? reject(error) : resolve(result)),
    )
  })
  const collection = conversion.output?.[0]?.data
  if (!conversion.result || collection === undefined)
    throw new Error(`the Postman collection cannot be made: ${conversion.reason}`)
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  const item = tidied(collection.item, new Map(operations.map((operation) => [operation.summary, operation])))
  const { name, schema } = collection.info
  return withoutIds({ info: { name, schema }, item, variable: variables })
}

/** The converter makes up values for everything; what stays is what the API itself says. */
function tidied(items: readonly Item[], operations: ReadonlyMap<string, Operation>): Item[] {
  return items.map((item) => {
    if (item.item !== undefined) return { ...item, item: tidied(item.item, operations) }
    const operation = operations.get(item.name)
    if (operation === undefined || item.request === undefined) throw new Error(`${item.name} is no operation`)
    const { request } = item
    const kept = keeps[operation.operationId]
    return {
      name: item.name,
      request: {
        ...request,
        url: {
          ...request.url,
          query: request.url.query?.map((parameter) => asAsked(parameter, operation)),
          variable: request.url.variable?.map((parameter) => ofLastOrder(parameter, operation)),
        },
        ...(operation.operationId === 'startImport' && { body: csvBody }),
        header: request.header?.map((header) => withFreshKey(header, operation)),
        auth: authOf(operation),
      },
      response: [],
      ...(kept !== undefined && { event: [keeping(kept)] }),
    }
  })
}

function asAsked(parameter: Parameter, operation: Operation): Parameter {
  const found = operation.parameters?.find(({ name }) => name === parameter.key)
  const value = found?.example ?? found?.schema.default ?? ''
  return { ...parameter, value: String(value), disabled: found?.required !== true }
}

const ofLastOrder = (parameter: Parameter, { tags }: Operation): Parameter =>
  parameter.key === 'id' && tags[0] === 'Orders' ? { ...parameter, value: '{{orderId}}' } : parameter

const csvBody = {
  mode: 'raw',
  raw: requestExamples.startImport,
  options: { raw: { language: 'text', headerFamily: 'text' } },
}

function withFreshKey(header: Parameter, { operationId }: Operation): Parameter {
  const name = header.key.toLowerCase()
  if (name === 'idempotency-key') return { ...header, value: '{{$guid}}' }
  return name === 'content-type' && operationId === 'startImport' ? { ...header, value: 'text/csv' } : header
}

function authOf({ security = [] }: Operation): unknown {
  const [first] = security
  if (first === undefined) return { type: 'noauth' }
  const token = 'orderToken' in first ? '{{orderToken}}' : '{{staffToken}}'
  return { type: 'bearer', bearer: [{ key: 'token', value: token, type: 'string' }] }
}

function keeping(fields: Readonly<Record<string, string>>): unknown {
  const exec = Object.entries(fields).map(
    ([variable, field]) => `pm.collectionVariables.set('${variable}', pm.response.json().${field} ?? '')`,
  )
  return { listen: 'test', script: { type: 'text/javascript', exec } }
}

/** Without made-up ids the same API gives the same file. */
function withoutIds(collection: Collection): Collection {
  return JSON.parse(
    JSON.stringify(collection, (key, value: unknown) => (key === 'id' ? undefined : value)),
  ) as Collection
}
