import { nameInLog } from '#kernel/hash'
import { notFound } from '#kernel/problem'
import type { HttpServer } from '#ports/http'
import { logger } from '#ports/log'
import { clearDeadLetters } from '#services/orders'
import { clearDrawingLetters, queues as drawingQueues } from '#services/vouchers'
import type { Context } from './context.ts'

const log = logger('orders')
/** The broker of a busy store may take a while to hand its dead letters out. */
const clearWithinMs = 20_000
const isOfDrawing = (queue: string): queue is (typeof drawingQueues)[number] =>
  drawingQueues.some((each) => each === queue)

/** An operator gives messages that a queue gave up on back to it, or throws them away: each queue's service does it. */
export function addLettersRoute(server: HttpServer, { queues, client }: Context): void {
  server.add(clearDeadLetters, async ({ params: { queue }, body, staff }) => {
    const clear = async () => {
      if (queues.has(queue)) return await queues.clear(queue, body.ids, body.fate)
      if (!isOfDrawing(queue)) throw notFound('such queue')
      const options = { params: { queue }, body, deadlineMs: clearWithinMs }
      return (await client.call('vouchers', clearDrawingLetters, options)).cleared
    }
    const cleared = await clear()
    const account = staff === undefined ? undefined : nameInLog(staff.email)
    log.info('dead letters are cleared', { queue, fate: body.fate, cleared, account })
    return { cleared }
  })
}
