import { parseIsbn } from '#kernel/isbn'
import { invalid, notFound, Problem } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import type { HttpServer, ServiceClient } from '#ports/http'
import { getAvailability } from '#services/catalog'
import { setStock } from '#services/coordinator'
import type { GroupEngine } from './engine.ts'

const readDeadlineMs = 3_000

/** Sets the copies owned, in the same groups that sell them. */
export function addStockRoute(
  server: HttpServer,
  engine: GroupEngine,
  client: ServiceClient,
  clock: Clock,
): void {
  server.add(setStock, async ({ params, body }) => {
    const parsed = parseIsbn(params.isbn)
    if (parsed.kind === 'error') throw invalid([{ field: 'isbn', message: parsed.message }])
    const { isbn } = parsed
    const wish = { kind: 'set-copies', isbn, copies: body.copies, reason: body.reason ?? null } as const
    const outcome = await engine.submit(wish)
    if (outcome.kind !== 'stock') throw new Error(`a stock edit cannot end as ${outcome.kind}`)
    const { answer } = outcome
    if (answer.kind === 'unknown-book') throw notFound('book with this ISBN')
    if (answer.kind === 'below-sold')
      throw new Problem(
        409,
        'below-sold',
        `${answer.committed} copies are sold or held; fewer cannot be owned.`,
        {
          committed: answer.committed,
        },
      )
    if (answer.kind !== 'copies-set') throw new Error(`a stock edit cannot be answered with ${answer.kind}`)
    const asOf = new Date(clock.now()).toISOString()
    const now = await client.call('catalog', getAvailability, {
      params: { isbn },
      deadlineMs: readDeadlineMs,
    })
    return { ...now, available: answer.available, asOf }
  })
}
