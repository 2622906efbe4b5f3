import type { Database } from '#ports/database'
import type { SagaState } from '#services/orders'
import { definitions } from './definitions.ts'

const shownMax = 20
const errorCharactersMax = 300

/** The sagas that have not got on for longest, for whoever looks after them. */
export async function oldestSagas(database: Database): Promise<SagaState[]> {
  const rows = await database.query<Omit<SagaState, 'step'> & { step: number }>(
    `SELECT order_id AS "orderId", definition, step, state, attempt, left(last_error, $2) AS error,
            extract(epoch FROM now() - updated_at)::int AS "ageSeconds"
       FROM orders.sagas WHERE state IN ('running', 'compensating') ORDER BY updated_at LIMIT $1`,
    [shownMax, errorCharactersMax],
  )
  return rows.map(({ step, ...row }) => {
    return { ...row, step: definitions.get(row.definition)?.steps[step]?.name ?? String(step) }
  })
}
