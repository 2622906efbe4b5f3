import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { queues } from '#roles'
import { accepted, refused } from './client.ts'
import type { Shop } from './shop.ts'

/** `POST /api/queues/{queue}/dead-letters`: what a queue gave up on is cleared by operators. */
export function deadLetterSuite(shop: () => Shop): void {
  const clear = (queue: string, body: Record<string, unknown>) =>
    shop().post(`/api/queues/${queue}/dead-letters`, { body, token: shop().staff })

  test('each queue is asked for its letters, and those that are not there are counted out', async () => {
    for (const queue of queues)
      assert.equal(accepted(await clear(queue, { ids: [randomUUID()], fate: 'discard' })).cleared, 0, queue)
  })

  test('a queue that is not there is 404, and what is no choice 400', async () => {
    refused(await clear('no-such-queue', { ids: [randomUUID()], fate: 'retry' }), 404)
    for (const body of [{ ids: [], fate: 'retry' }, { ids: ['x'], fate: 'forget' }, { fate: 'retry' }])
      refused(await clear('vouchers-draw', body), 400)
  })
}
