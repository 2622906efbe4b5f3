import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { until as eventually } from '../support/until.ts'
import { accepted, refused, wrongFields } from './client.ts'
import { openEvents } from './event-stream.ts'
import {
  addBook,
  confirmed,
  declinedCard,
  goodCard,
  isConfirmed,
  leaves,
  line,
  lostAnswerCard,
  order,
  type Placed,
  pay,
  place,
  type Shop,
  until,
} from './shop.ts'

/** What becomes of an order: who may see it, paying, following, cancelling. */
export function orderLifeSuite(shop: () => Shop): void {
  const cancel = ({ id }: Placed, token?: string) => shop().post(`/api/orders/${id}/cancel`, { token })
  const redeem = (code: string) => shop().post(`/api/vouchers/${code}/redeem`, { token: shop().staff })

  test('an order is for its reader and for staff; for anybody else it does not exist', async () => {
    const isbn = await addBook(shop())
    const [mine, other] = [await place(shop(), isbn), await place(shop(), isbn)]
    const path = `/api/orders/${mine.id}`
    const { token: _once, ...shown } = mine
    const reply = await shop().get(path, { token: mine.token })
    assert.deepEqual(accepted(reply), shown)
    assert.deepEqual(accepted(await shop().get(path, { token: shop().staff })), shown)
    assert.equal(
      (
        await shop().get(path, {
          token: mine.token,
          headers: { 'if-none-match': reply.headers.get('etag') ?? '' },
        })
      ).status,
      304,
    )
    const strangers = [
      undefined,
      other.token,
      'order_',
      `${mine.token}x`,
      mine.token.slice(0, -1),
      'a b',
      '💥'.slice(0, 0),
    ]
    for (const token of strangers) {
      refused(await shop().get(path, { token }), 404)
      refused(await cancel(mine, token), 404)
      refused(await pay(shop(), { ...mine, token: token ?? 'none' }), 404)
      refused(await shop().get(`${path}/events?token=${encodeURIComponent(token ?? '')}`), 404)
    }
    for (const id of [
      randomUUID(),
      '1',
      'x'.repeat(64),
      'x'.repeat(600),
      '..',
      '%2e%2e',
      'null',
      `${mine.id}0`,
    ])
      refused(await shop().get(`/api/orders/${id}`, { token: mine.token }), 404)
  })

  test('a paid order is confirmed with one voucher for each copy', async () => {
    const [isbn, second] = [await addBook(shop(), { amount: 1250 }), await addBook(shop(), { amount: 800 })]
    const placed = accepted(await order(shop(), [line(isbn, 2), line(second)]), 201)
    assert.deepEqual([placed.vouchers, placed.payment], [[], null])
    const reply = await pay(shop(), placed)
    assert.equal(accepted(reply, 202).id, placed.id)
    assert.ok(['reserved', 'paid', 'confirmed'].includes(reply.body.status))
    const done = await until(shop(), placed, isConfirmed)
    assert.deepEqual(
      done.vouchers
        .map((voucher: { isbn: string; status: string }) => [voucher.isbn, voucher.status])
        .toSorted(),
      [
        [isbn, 'valid'],
        [isbn, 'valid'],
        [second, 'valid'],
      ].toSorted(),
    )
    assert.equal(new Set(done.vouchers.map(({ code }: { code: string }) => code)).size, 3)
    assert.deepEqual(done.payment, { status: 'captured' })
    refused(await pay(shop(), placed), 409)
    await leaves(shop(), isbn, 8)
  })

  test('an order of nothing to pay is confirmed by itself', async () => {
    const isbn = await addBook(shop(), { amount: 0 })
    const placed = await place(shop(), isbn)
    const done = await until(shop(), placed, isConfirmed)
    assert.deepEqual([done.total.amount, done.vouchers.length, done.payment], [0, 1, null])
    refused(await pay(shop(), placed), 409)
  })

  test('a declined payment can be made again with another card', async () => {
    const placed = await place(shop(), await addBook(shop()))
    accepted(await pay(shop(), placed, declinedCard), 202)
    const declined = await until(shop(), placed, (now) => now.payment?.status === 'declined')
    assert.equal(declined.status, 'reserved')
    assert.ok(declined.payment.reason.length > 5)
    accepted(await pay(shop(), placed, '4242 4242 4242 4242'), 202)
    await until(shop(), placed, isConfirmed)
  })

  test('a payment whose answer gets lost is made once', async () => {
    const placed = await place(shop(), await addBook(shop()))
    accepted(await pay(shop(), placed, lostAnswerCard), 202)
    const done = await until(shop(), placed, isConfirmed)
    assert.deepEqual(done.payment, { status: 'captured' })
  })

  test('paying twice at once is paying once', async () => {
    const placed = await place(shop(), await addBook(shop()))
    const replies = await Promise.all(Array.from({ length: 5 }, () => pay(shop(), placed)))
    for (const { status, text } of replies) assert.ok([202, 409].includes(status), text)
    assert.ok(replies.some(({ status }) => status === 202))
    assert.equal((await until(shop(), placed, isConfirmed)).vouchers.length, 1)
  })

  test('what is no payment is 400 and named', async () => {
    const placed = await place(shop(), await addBook(shop()))
    const named = async (body: unknown) =>
      wrongFields(await shop().post(`/api/orders/${placed.id}/payment`, { body, token: placed.token }))
    const card = goodCard
    for (const wrong of [
      '4242424242424241',
      '1',
      '',
      'card',
      '4242424242424242424242',
      4242424242424242,
      null,
    ])
      assert.deepEqual([...new Set(await named({ method: 'test', card: wrong }))], ['card'], String(wrong))
    assert.deepEqual(await named({ method: 'cash', card }), ['method'])
    assert.deepEqual(await named({}), ['card', 'method'])
    assert.deepEqual(await named({ method: 'test', card, cvc: '123' }), ['cvc'])
    accepted(await pay(shop(), placed), 202)
  })

  test('whoever watches an order is told of it at once and at every change, and can pick up where they were', async () => {
    const placed = await place(shop(), await addBook(shop()))
    const path = `/api/orders/${placed.id}/events`
    await using stream = await openEvents(shop(), `${path}?token=${placed.token}`)
    assert.match(stream.headers.get('content-type') ?? '', /^text\/event-stream/)
    const first = await stream.until(({ event }) => event === 'order')
    assert.deepEqual([first.data.id, first.data.status], [placed.id, 'reserved'])
    assert.equal('token' in first.data, false)
    accepted(await pay(shop(), placed), 202)
    await stream.until(({ data }) => data.status === 'confirmed' && data.vouchers.length === 1)
    const ids = stream.events.map(({ id }) => id ?? '')
    assert.equal(new Set(ids).size, ids.length, 'each state once')
    for (const by of [`?token=${placed.token}`, '']) {
      const headers = {
        'last-event-id': ids[0] ?? '',
        ...(by === '' && { authorization: `Bearer ${placed.token}` }),
      }
      await using again = await openEvents(shop(), path + by, headers)
      const last = await again.until(({ data }) => data.status === 'confirmed')
      assert.deepEqual(
        again.events.map(({ id }) => id),
        ids.slice(1),
        'all that was missed, in order',
      )
      assert.deepEqual(last.data, stream.events.at(-1)?.data)
    }
    await using fresh = await openEvents(shop(), path, { authorization: `Bearer ${shop().staff}` })
    await fresh.until(({ data }) => data.status === 'confirmed')
    assert.equal(fresh.events.length, 1)
    for (const odd of ['999999', '999999999999', 'nonsense', '-1']) {
      await using other = await openEvents(shop(), `${path}?token=${placed.token}`, { 'last-event-id': odd })
      await other.until(({ data }) => data.status === 'confirmed')
    }
    await redeem((await until(shop(), placed, isConfirmed)).vouchers[0].code)
    await stream.until(({ data }) => data.status === 'redeemed')
  })

  test('a reserved order that is cancelled gives its copies back, and asking again changes nothing', async () => {
    const isbn = await addBook(shop())
    const placed = await place(shop(), isbn, 4)
    assert.equal(accepted(await cancel(placed, placed.token)).status, 'cancelled')
    assert.equal(accepted(await cancel(placed, placed.token)).status, 'cancelled')
    await leaves(shop(), isbn, 10)
    refused(await pay(shop(), placed), 409)
  })

  test('cancelling several times at once is cancelling once', async () => {
    const isbn = await addBook(shop())
    for (let i = 0; i < 5; i++) {
      const placed = await place(shop(), isbn, 4)
      const replies = await Promise.all([1, 2, 3, 4].map(() => cancel(placed, placed.token)))
      for (const reply of replies) assert.equal(accepted(reply).status, 'cancelled')
      await leaves(shop(), isbn, 10)
    }
  })

  test('a confirmed order that is cancelled gives copies and money back and revokes its vouchers', async () => {
    const isbn = await addBook(shop())
    const done = await confirmed(shop(), isbn, 2)
    const reply = accepted(await cancel(done, done.token))
    assert.ok(['cancelled', 'refunded'].includes(reply.status), reply.status)
    const over = await until(
      shop(),
      done,
      (now) => now.status === 'refunded' && now.payment?.status === 'refunded',
    )
    assert.deepEqual(
      over.vouchers.map((voucher: { status: string }) => voucher.status),
      ['revoked', 'revoked'],
    )
    await leaves(shop(), isbn, 10)
    for (const { code, url } of done.vouchers) {
      refused(await redeem(code), 410)
      const { pathname, search } = new URL(url)
      // Where orders does not say in time what became of a voucher, its link opens still.
      await eventually(async () => (await shop().get(pathname + search)).status === 410)
    }
    accepted(await cancel(done, done.token))
    await leaves(shop(), isbn, 10)
  })

  test('a free order that is cancelled gives its copies back and revokes its voucher', async () => {
    const isbn = await addBook(shop(), { amount: 0 })
    const done = await confirmed(shop(), isbn)
    accepted(await cancel(done, shop().staff))
    const over = await until(shop(), done, (now) => now.vouchers[0]?.status === 'revoked')
    assert.equal(over.status, 'cancelled')
    await leaves(shop(), isbn, 10)
  })

  test('an order of which a voucher is redeemed cannot be cancelled', async () => {
    const isbn = await addBook(shop())
    const done = await confirmed(shop(), isbn, 2)
    accepted(await redeem(done.vouchers[0]?.code ?? ''))
    refused(await cancel(done, done.token), 409)
    accepted(await redeem(done.vouchers[1]?.code ?? ''))
    assert.equal((await until(shop(), done, (now) => now.status === 'redeemed')).vouchers.length, 2)
    refused(await cancel(done, done.token), 409)
    await leaves(shop(), isbn, 8)
  })

  test('cancelling while it is being paid ends in one of the two, whole', async () => {
    const isbn = await addBook(shop())
    const orders = await Promise.all(Array.from({ length: 6 }, () => place(shop(), isbn)))
    await Promise.all(
      orders.map(async (placed) => {
        const [paid, cancelled] = await Promise.all([pay(shop(), placed), cancel(placed, placed.token)])
        assert.ok([202, 409].includes(paid.status), paid.text)
        assert.ok([200, 409].includes(cancelled.status), cancelled.text)
        const end = await until(
          shop(),
          placed,
          (now) =>
            ['confirmed', 'cancelled', 'refunded'].includes(now.status) &&
            now.payment?.status !== 'processing',
        )
        if (end.status === 'confirmed') assert.equal(end.payment.status, 'captured')
      }),
    )
  })
}
