import type { IncomingMessage, ServerResponse } from 'node:http'
import { forbidden, Problem, unauthorized } from '#kernel/problem'
import { logger } from '#ports/log'
import type { Clusters } from './clusters.ts'
import { getFleet } from './contract.ts'
import type { FleetView } from './fleet-view.ts'
import { sendProblem } from './relay.ts'

const log = logger('edge')
const askLimitMs = 3_000
const asked = new Set(['GET', 'HEAD'])

export const isForFleet = ({ url = '', method = '' }: IncomingMessage): boolean =>
  asked.has(method) && url.split('?', 1)[0] === getFleet.path

/** Answers with the fleet, for whoever a cluster says is an operator: the edge knows nobody itself. */
export async function answerFleet(
  request: IncomingMessage,
  response: ServerResponse,
  clusters: Clusters,
  view: () => FleetView,
): Promise<void> {
  request.resume()
  try {
    await checkOperator(request, clusters)
    const body = Buffer.from(JSON.stringify(view()))
    response.writeHead(200, {
      ...{ 'content-type': 'application/json; charset=utf-8', 'content-length': body.length },
      ...{ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  } catch (error) {
    if (!(error instanceof Problem)) log.warn('the fleet cannot be shown', { error })
    sendProblem({ request, response }, error instanceof Problem ? error : away())
  }
}

/** @throws Problem 401, 403, or 503 when no cluster can say who this is */
async function checkOperator({ headers }: IncomingMessage, clusters: Clusters): Promise<void> {
  const cluster = clusters.all().find(({ health, pictured }) => health.kind === 'up' && pictured.weight > 0)
  if (cluster === undefined) throw away()
  const { cookie, authorization, host } = headers
  const { statusCode, body } = await cluster.pool.request({
    ...{ method: 'GET', path: '/api/session', headersTimeout: askLimitMs, bodyTimeout: askLimitMs },
    headers: {
      accept: 'application/json',
      ...(cookie && { cookie }),
      ...(authorization && { authorization }),
      ...(host && { host }),
    },
  })
  const text = await body.text()
  if (statusCode === 401) throw unauthorized()
  if (statusCode !== 200) throw away()
  const { roles } = JSON.parse(text) as { roles?: unknown }
  if (!Array.isArray(roles) || !roles.includes('operator')) throw forbidden(['operator'])
}

const away = () =>
  new Problem(503, 'no-cluster', 'No cluster can say who you are just now.', {}, { 'retry-after': '2' })
