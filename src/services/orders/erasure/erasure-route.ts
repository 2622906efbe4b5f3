import { isEmail } from '#kernel/email'
import { invalid, Problem } from '#kernel/problem'
import { answer, type HttpServer } from '#ports/http'
import { forgetSearches } from '#services/catalog'
import { eraseCustomer } from '#services/orders'
import type { Context } from '../context.ts'
import { eraseCustomer as erase } from './erase-customer.ts'

const searchesDeadlineMs = 5_000

/** Erases a customer for a manager; the warehouse follows with its next load. */
export function addErasureRoute(server: HttpServer, context: Context, secret: string): void {
  const parts = {
    ...context,
    secret,
    forgetSearches: async (body: { names: string[]; emails: string[] }) => {
      const asked = { body, deadlineMs: searchesDeadlineMs }
      return (await context.client.call('catalog', forgetSearches, asked)).left
    },
  }
  server.add(eraseCustomer, async ({ body }) => {
    if (!isEmail(body.email)) throw invalid([{ field: 'email', message: 'is no email address' }])
    const erased = await erase(parts, body.email)
    context.newsDue()
    if (erased.kind === 'under-way')
      throw new Problem(
        409,
        'order-under-way',
        'An order of this customer is under way; nothing was erased. Try again when it is finished.',
        { orders: erased.orders },
      )
    const { orders, pdfs, proof } = erased
    return answer(200, { orders, pdfs, left: proof }, { 'cache-control': 'no-store' })
  })
}
