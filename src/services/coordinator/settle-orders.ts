import type { HttpServer } from '#ports/http'
import { logger } from '#ports/log'
import { type SettlementOutcome, settleOrders } from '#services/coordinator'
import type { Settlement } from '#services/orders'
import type { GroupEngine } from './engine.ts'

const log = logger('coordinator')

/** Confirm, release and return ride in the same groups as reservations, each for itself. */
export function addSettleRoute(server: HttpServer, engine: GroupEngine): void {
  server.add(settleOrders, async ({ body }) => ({
    outcomes: await Promise.all(body.settlements.map((settlement) => settle(engine, settlement))),
  }))
}

async function settle(engine: GroupEngine, settlement: Settlement): Promise<SettlementOutcome> {
  const { orderId } = settlement
  try {
    const outcome = await engine.submit({ kind: 'settle', settlement })
    return { orderId, kind: outcome.kind === 'settled' || outcome.kind === 'stale' ? outcome.kind : 'failed' }
  } catch (error) {
    log.warn('a settlement failed; whoever asked asks again', { orderId, error })
    return { orderId, kind: 'failed' }
  }
}
