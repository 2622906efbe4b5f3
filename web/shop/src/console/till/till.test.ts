import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeCode } from '#kernel/voucher-code'
import type { Voucher } from '#services/gateway'
import { queryClient } from '../../api/query-client.ts'
import { loadSession, logOut } from '../session.ts'
import { history } from './history.ts'
import { lookUp, redeem, tillState } from './till.ts'

test('who logs out leaves nothing of a customer behind, whatever is answered later', async (t) => {
  const code = makeCode({ randomBytes: (length) => randomBytes(length) })
  const voucher: Voucher = {
    ...{ code, isbn: '9780141439518', title: 'Walden', status: 'valid', redeemedAt: null },
    ...{ orderId: '0194e4a0-0000-7000-8000-000000000000', customer: { name: 'Ada Byron' } },
  }
  const redeemed = Promise.withResolvers<Response>()
  const answers: Record<string, () => Response | Promise<Response>> = {
    'GET /api/session': () => Response.json({ email: 'staff@example.org', roles: ['bookseller'] }),
    'DELETE /api/session': () => new Response(null, { status: 204 }),
    [`GET /api/vouchers/${code}`]: () => Response.json(voucher),
    [`POST /api/vouchers/${code}/redeem`]: () => redeemed.promise,
  }
  t.mock.method(globalThis, 'fetch', async (path: string, { method }: { method: string }) =>
    answers[`${method} ${path}`]?.(),
  )
  t.after(() => queryClient.clear())

  await loadSession()
  queryClient.setQueryData(['console', 'orders'], { items: [{ customer: 'Ada Byron' }] })
  await lookUp(code)
  assert.equal(tillState.value.kind, 'found')
  const sent = redeem()
  await logOut()
  redeemed.resolve(Response.json({ ...voucher, status: 'redeemed' }))
  await sent

  assert.deepEqual(tillState.value, { kind: 'ready' })
  assert.deepEqual(history.value, [])
  assert.equal(queryClient.getQueryData(['console', 'orders']), undefined)
})
