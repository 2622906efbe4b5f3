import { nameInLog } from '#kernel/hash'
import { notFound } from '#kernel/problem'
import type { HttpServer } from '#ports/http'
import { logger } from '#ports/log'
import { settleDeadLetters } from '#services/orders'
import { queues as drawingQueues, settleDrawingLetters } from '#services/vouchers'
import type { Context } from './context.ts'

const log = logger('orders')
/** The broker of a busy store may take a while to hand its dead letters out. */
const settleWithinMs = 20_000
const isOfDrawing = (queue: string): queue is (typeof drawingQueues)[number] =>
  drawingQueues.some((each) => each === queue)

/** An operator gives messages that a queue gave up on back to it, or throws them away: each queue's service does it. */
export function addLettersRoute(server: HttpServer, { queues, client }: Context): void {
  server.add(settleDeadLetters, async ({ params: { queue }, body, staff }) => {
    const settle = async () => {
      if (queues.has(queue)) return await queues.settle(queue, body.ids, body.fate)
      if (!isOfDrawing(queue)) throw notFound('such queue')
      const options = { params: { queue }, body, deadlineMs: settleWithinMs }
      return (await client.call('vouchers', settleDrawingLetters, options)).settled
    }
    const settled = await settle()
    const account = staff === undefined ? undefined : nameInLog(staff.email)
    log.info('dead letters are settled', { queue, fate: body.fate, settled, account })
    return { settled }
  })
}
