import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import type { Route } from '#kernel/contract'
import { type TSchema, Type } from '#kernel/type'
import { publicRoutes, roles } from '#roles'
import { parameterExamples, requestExamples, schemaExamples } from './examples.ts'
import { apiDescription, tagDescriptions } from './prose.ts'
import { hasTag, responsesOf } from './responses.ts'
import { type JsonSchema, type NamedSchemas, namedSchemas } from './schemas.ts'

export type OpenApi = {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, unknown> }
}
export type Operation = {
  operationId: string
  summary: string
  tags: string[]
  parameters?: { name: string; in: string; required?: boolean; schema: JsonSchema; example?: unknown }[]
  requestBody?: { required?: boolean; content: Record<string, { schema: JsonSchema; example?: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, unknown> }>
  security?: Record<string, string[]>[]
}

const problemSchema = {
  $id: 'Problem',
  type: 'object',
  description: 'RFC 9457 problem details; some kinds carry more fields, named with the answer.',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
}

/** The OpenAPI 3.1 document of the whole public API, made from the contracts. @param version Octavo's own */
export async function openApi(version: string): Promise<OpenApi> {
  const schemas = namedSchemas()
  const operations = publicRoutes.map((route) => ({ route, schema: operationSchema(route, schemas) }))
  const fastify = Fastify({ routerOptions: { maxParamLength: 700 } })
  fastify.setValidatorCompiler(() => () => true)
  fastify.setSerializerCompiler(() => JSON.stringify)
  await fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Octavo shopping API',
        version,
        description: apiDescription,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This shop' }],
      tags: tagDescriptions,
      components: { securitySchemes },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `part-${i}`) },
  })
  fastify.addSchema(problemSchema)
  for (const schema of schemas.all.values()) fastify.addSchema(schema)
  fastify.after(() => {
    for (const { route, schema } of operations)
      fastify.route({
        method: route.method,
        url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
        schema,
        exposeHeadRoute: false,
        handler: async () => undefined,
      })
  })
  await fastify.ready()
  const document = fastify.swagger() as unknown as OpenApi
  await fastify.close()
  return withExamples(document)
}

const securitySchemes = {
  orderToken: {
    type: 'http',
    scheme: 'bearer',
    description: "The `token` of an order: its reader's key, which only answers to `POST /api/orders` show.",
  },
  staffSession: {
    type: 'apiKey',
    in: 'cookie',
    name: 'octavo_session',
    description: 'Set by `POST /api/session` in a browser.',
  },
  staffToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The `token` of `POST /api/session` with `Accept: application/json`, for programs.',
  },
} as const

const names = new Map<unknown, string>(
  roles.flatMap(({ contract }) =>
    Object.entries(contract).map(([name, value]): [unknown, string] => [value, name]),
  ),
)

const ifNoneMatch = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'The ETag of what is there already.' })),
})

function operationSchema(route: Route, schemas: NamedSchemas): Record<string, unknown> {
  const content: Record<string, unknown> = {}
  if (route.body) content['application/json'] = { schema: schemas.reference(route.body) }
  for (const type of route.streams ?? []) content[type] = { schema: { type: 'string' } }
  const headers = route.headers ?? (route.method === 'GET' && hasTag(route) ? ifNoneMatch : undefined)
  const parameters = (schema: TSchema | undefined) => schema && schemas.reference(schema)
  return {
    operationId: names.get(route),
    summary: route.summary,
    ...(route.description && { description: route.description }),
    tags: [route.tag],
    security: securityOf(route),
    ...(route.params && { params: parameters(route.params) }),
    ...(route.query && { querystring: parameters(route.query) }),
    ...(headers && { headers: parameters(headers) }),
    ...(Object.keys(content).length > 0 && { body: { content } }),
    response: responsesOf(route, schemas),
  }
}

function securityOf(route: Route): Record<string, string[]>[] {
  if (route.access.kind === 'staff') return [{ staffSession: [] }, { staffToken: [] }]
  if (route.access.kind === 'order') return [{ orderToken: [] }, { staffSession: [] }, { staffToken: [] }]
  return []
}

function withExamples(document: OpenApi): OpenApi {
  for (const operation of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
    const example = requestExamples[operation.operationId]
    const media = Object.values(operation.requestBody?.content ?? {})[0]
    if (example !== undefined && media !== undefined) media.example = example
    for (const parameter of operation.parameters ?? [])
      if (parameterExamples[parameter.name] !== undefined)
        parameter.example = parameterExamples[parameter.name]
  }
  for (const [name, example] of Object.entries(schemaExamples)) {
    const schema = document.components.schemas[name]
    if (schema !== undefined) schema.examples = [example]
  }
  return document
}
