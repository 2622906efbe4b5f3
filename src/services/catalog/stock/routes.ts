import { Problem } from '#kernel/problem'
import { abortRoute, commitRoute, type Decision, inDoubtRoute, prepareRoute } from '#kernel/transaction'
import { type Clock, every } from '#ports/clock'
import { ConstraintViolation, type Database } from '#ports/database'
import type { HttpServer } from '#ports/http'
import type { StockRequest } from '#services/catalog'
import { createStockParticipant, forgetTransactions } from './participant.ts'
import { startRecovery } from './recovery.ts'

const forgetEveryMs = 10 * 60_000

export type StockOptions = {
  server: HttpServer
  database: Database
  /** Finishes transactions, on connections that nobody waits with for their end. */
  prepared: Database['prepared']
  clock: Clock
  /** Asks orders for a transaction's decision. */
  resolve: (id: string) => Promise<Decision>
  /** Called after stock changed for good: the outbox has news. */
  onChanged: () => void
}

/** Serves the participant over HTTP and recovers what is in doubt. */
export function addStockRoutes({
  server,
  database,
  prepared,
  clock,
  resolve,
  onChanged,
}: StockOptions): AsyncDisposable {
  const participant = createStockParticipant(database, clock, prepared)
  server.add(prepareRoute, async ({ params, body }) => {
    try {
      return await participant.prepare(params.id, body.requests as StockRequest[])
    } catch (error) {
      if (error instanceof ConstraintViolation)
        throw new Problem(409, 'constraint', `The stock row refused the group: ${error.constraint}.`)
      throw error
    }
  })
  server.add(commitRoute, async ({ params }) => {
    await participant.commit(params.id)
    onChanged()
  })
  server.add(abortRoute, async ({ params }) => participant.abort(params.id))
  server.add(inDoubtRoute, async () => ({ inDoubt: await participant.inDoubt() }))
  const resources = new AsyncDisposableStack()
  resources.use(startRecovery(participant, resolve, clock, onChanged))
  // While the database is away there is nothing to forget; the next round will.
  resources.use(every(clock, forgetEveryMs, () => forgetTransactions(database)))
  return resources
}
