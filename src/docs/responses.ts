import { STATUS_CODES } from 'node:http'
import { type Route, roles } from '#kernel/contract'
import { Book, getCover, getPicture } from '#services/catalog'
import { availabilityEvents, getSystem, orderEvents, ownRoutes } from '#services/gateway'
import { getObject } from '#services/vouchers'
import { getReport, queryWarehouse } from '#services/warehouse'
import type { JsonSchema, NamedSchemas } from './schemas.ts'

type Response = { description: string; headers?: JsonSchema; content?: JsonSchema; type?: 'null' }

const problem = { 'application/problem+json': { schema: { $ref: 'Problem#' } } }
const text = { type: 'string' } as const
/** How the generator is told that there is no body. */
const noBody = { type: 'null' } as const

const reportFiles = {
  'text/csv': { schema: text },
  'application/vnd.apache.parquet': {
    schema: { ...text, contentMediaType: 'application/vnd.apache.parquet' },
  },
}

/** Answers that are not JSON, or not always. */
const otherContent = new Map<Route, JsonSchema>([
  [getCover as Route, { 'image/svg+xml': { schema: text } }],
  [
    getPicture as Route,
    Object.fromEntries(['jpeg', 'png', 'webp'].map((type) => [`image/${type}`, { schema: text }])),
  ],
  [getObject as Route, { 'application/pdf': { schema: { ...text, contentMediaType: 'application/pdf' } } }],
  [availabilityEvents as Route, { 'text/event-stream': { schema: text } }],
  [orderEvents as Route, { 'text/event-stream': { schema: text } }],
  [getReport as Route, reportFiles],
  [queryWarehouse as Route, reportFiles],
])

/** Every answer a route can give, by status. */
export function responsesOf(route: Route, schemas: NamedSchemas): Record<string, Response> {
  const status = route.status ?? 200
  const responses: Record<string, Response> = { [status]: successOf(route, status, schemas) }
  if (route.method === 'GET' && (hasTag(route) || hasFile(route)))
    responses[304] = { description: 'Unchanged since the ETag in `If-None-Match`.', ...noBody }
  for (const [code, description] of Object.entries(usualProblems(route)))
    responses[code] = { description, content: problem }
  for (const [code, description] of Object.entries(route.also ?? {}))
    responses[code] =
      Number(code) < 300
        ? { ...successOf(route, Number(code), schemas), description }
        : { description, content: problem }
  return responses
}

/** Answers with a whole file, which has a tag as JSON has. */
const hasFile = (route: Route) => [getCover, getPicture, getObject].includes(route as never)

function successOf(route: Route, status: number, schemas: NamedSchemas): Response {
  const headers = headersOf(route, status)
  const content = {
    ...(route.reply && status !== 204 && { 'application/json': { schema: schemas.reference(route.reply) } }),
    ...otherContent.get(route),
  }
  return {
    description: STATUS_CODES[status] ?? 'Success',
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(content).length > 0 ? { content } : noBody),
  }
}

function headersOf(route: Route, status: number): JsonSchema {
  const headers: JsonSchema = { 'x-request-id': header('Names this request in logs.') }
  if (hasTag(route) && status < 300)
    headers.etag = header('Send it back as `If-None-Match`, or as `If-Match` with a change.')
  if (route.method === 'POST' && (status === 201 || route.streams))
    headers.location = header('Where the new resource is.')
  const query = route.query as { properties?: object } | undefined
  if (query?.properties && 'cursor' in query.properties)
    headers.link = header('`<…>; rel="next"` while there is more.')
  return headers
}

/** What is read has a tag, and so has a book that was changed; what tells of this very moment has none. */
export const hasTag = (route: Route) =>
  route.reply !== undefined &&
  (route.method === 'GET' || route.reply === Book) &&
  route !== (getSystem as Route)

const header = (description: string) => ({ description, ...text })

function usualProblems(route: Route): Record<number, string> {
  const problems: Record<number, string> = {
    400: 'Something in the request is wrong; `errors` names every field.',
    417: 'Only `100-continue` can be expected.',
    421: 'The shop is not known by that name.',
    408: 'The request took too long to arrive.',
    414: 'The address is too long.',
    429: 'Too many requests; `Retry-After` says when to come back.',
    431: 'The headers are too large.',
    504: 'A part of the shop did not answer in time.',
    503: 'A part of the shop is away for now; `Retry-After` says when to come back.',
  }
  if (!ownRoutes.includes(route as never)) {
    problems[413] = 'The body is too large.'
    problems[415] = 'The body is in a format not taken here.'
  }
  const fromElsewhere = 'With a staff session, a change that does not come from the shop itself'
  if (route.method !== 'GET') problems[403] = `${fromElsewhere}.`
  if (route.access.kind === 'staff') {
    problems[401] = 'Log in as staff first.'
    if (route.access.roles.length < roles.length)
      problems[403] = `Needs the role ${route.access.roles.join(' or ')}.${problems[403] ? ` ${problems[403]}` : ''}`
  }
  if (route.access.kind === 'order') problems[404] = 'No such order, or the token is not its token.'
  else if (route.params) problems[404] = 'There is no such thing.'
  return problems
}
