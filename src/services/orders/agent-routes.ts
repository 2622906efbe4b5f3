import type { ReplyOf } from '#kernel/contract'
import type { HttpServer } from '#ports/http'
import { nowMs, traced } from '#ports/telemetry'
import {
  commitGroupRoute,
  decodeGroup,
  getOrderWork,
  lookUpOrders,
  pruneDecisions,
  recordDecision,
  resolveDecision,
} from '#services/orders'
import { commitGroup } from './commit-group.ts'
import type { Context } from './context.ts'
import { createDecisionLog, prune } from './decisions.ts'
import { lookUp } from './look-up-orders.ts'
import { traceCommitted } from './order-metrics.ts'
import { oldestSagas } from './saga/oldest-sagas.ts'

/** What coordinators and recovering participants ask of orders. */
export function addAgentRoutes(server: HttpServer, context: Context): void {
  const { database, clock } = context
  const log = createDecisionLog(database, clock)
  server.add(commitGroupRoute, async ({ params, body }) => {
    const group = decodeGroup(body)
    const span = { of: params.id, isTransaction: true, role: 'orders', name: 'decide and commit' } as const
    const startMs = nowMs()
    const outcome = await traced({ ...span, kind: 'server' }, () =>
      commitGroup(database, params.id, group, clock),
    )
    if (outcome.kind === 'committed') {
      traceCommitted(params.id, group, startMs)
      if (group.settled.length > 0) context.newsDue()
      if (group.free.count > 0 || group.settled.length > 0) context.sagaDue()
    }
    return outcome
  })
  server.add(lookUpOrders, ({ body }) => lookUp(context, body))
  server.add(recordDecision, async ({ params, body }) => ({
    outcome: await log.record(params.id, body.participants),
  }))
  server.add(resolveDecision, async ({ params }) => ({ decision: await log.resolve(params.id) }))
  server.add(getOrderWork, async () => {
    const [[row], oldest, queues] = await Promise.all([
      context.database.query<Pick<ReplyOf<typeof getOrderWork>, 'sagas' | 'undoing' | 'newsWaiting'>>(
        `SELECT count(*) FILTER (WHERE state = 'running')::int AS sagas,
              count(*) FILTER (WHERE state = 'compensating')::int AS undoing,
              (SELECT count(*)::int FROM (SELECT FROM orders.outbox LIMIT 10000) waiting) AS "newsWaiting"
         FROM orders.sagas WHERE state IN ('running', 'compensating')`,
        [],
      ),
      oldestSagas(context.database),
      // A broker that is away is no reason to say nothing of the rest.
      context.queues.states().catch(() => []),
    ])
    const oldestSagaSeconds = oldest[0]?.ageSeconds ?? 0
    return { ...(row ?? { sagas: 0, undoing: 0, newsWaiting: 0 }), oldestSagaSeconds, oldest, queues }
  })
  server.add(pruneDecisions, async ({ body }) => ({
    pruned: await prune(database, new Date(body.before), clock.now()),
  }))
}
