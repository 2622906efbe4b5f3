import { Problem, unavailable } from '#kernel/problem'
import {
  abortRoute,
  commitRoute,
  type Decision,
  inDoubtRoute,
  prepareRoute,
  transactionLifeMs,
} from '#kernel/transaction'
import { type Clock, every } from '#ports/clock'
import { ConstraintViolation } from '#ports/database'
import type { HttpServer } from '#ports/http'
import { traced } from '#ports/telemetry'
import type { StockRequest } from '#services/catalog'
import type { StockStore } from '../store/stock-store.ts'
import { createStockParticipant } from './participant.ts'
import { startRecovery } from './recovery.ts'

const forgetEveryMs = 10 * 60_000

export type StockOptions = {
  server: HttpServer
  store: StockStore
  clock: Clock
  /** Asks orders for a transaction's decision. */
  resolve: (id: string) => Promise<Decision>
  /** Called after stock changed for good: the outbox has news. */
  onChanged: () => void
}

/** Serves the participant over HTTP and recovers what is in doubt. */
export function addStockRoutes({ server, store, clock, resolve, onChanged }: StockOptions): AsyncDisposable {
  const participant = createStockParticipant(store, clock)
  server.add(prepareRoute, async ({ params, body }) => {
    try {
      const span = traceOf(params.id, 'prepare')
      return await traced(span, () => participant.prepare(params.id, body.requests as StockRequest[]))
    } catch (error) {
      throw error instanceof ConstraintViolation ? refusalOf(error) : error
    }
  })
  server.add(commitRoute, async ({ params }) => {
    const span = traceOf(params.id, 'commit')
    await traced(span, () => participant.commit(params.id))
    onChanged()
  })
  server.add(abortRoute, async ({ params }) => participant.abort(params.id))
  server.add(inDoubtRoute, async () => ({ inDoubt: await participant.inDoubt() }))
  const resources = new AsyncDisposableStack()
  resources.use(startRecovery(participant, resolve, clock, onChanged))
  // While the database is away there is nothing to forget; the next round will.
  resources.use(every(clock, forgetEveryMs, () => store.forget(2 * transactionLifeMs)))
  return resources
}

/**
 * An id that is prepared already, because its request came twice, says nothing of the orders: whoever asked begins again
 * under another one.
 */
export function refusalOf({ kind, constraint }: Pick<ConstraintViolation, 'kind' | 'constraint'>): Problem {
  if (kind === 'unique') return unavailable('This transaction was prepared before; begin another one.')
  return new Problem(409, 'constraint', `The stock row refused the group: ${constraint}.`)
}

const traceOf = (of: string, name: string) =>
  ({ of, isTransaction: true, role: 'catalog', name, kind: 'server' }) as const
