import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { testDatabase } from '../../../test/support/database.ts'
import { openPayment, type Payment, PaymentUnavailable, paymentAdapters } from './port.ts'

/** How an adapter's provider is opened for a test, and cards that make it do what a case needs. */
type Provider = {
  open(t: TestContext): Promise<Payment>
  approved: string
  declined: string
  lost: string
}

const sandbox: Provider = {
  open: async (t) => openPayment(`test+${(await testDatabase(t, 'payment')).url}`),
  approved: '4242424242424242',
  declined: '4000000000000002',
  lost: '4000000000000119',
}
/** By the scheme of the adapter. */
const providers: Readonly<Record<string, Provider>> = { 'test+postgres': sandbox, 'test+postgresql': sandbox }

test('every payment adapter has a provider to be tested on', () => {
  assert.deepEqual(Object.keys(providers).sort(), Object.keys(paymentAdapters).sort())
})

const amount = { amount: 1250, currency: 'EUR' }

for (const { open, approved, declined, lost } of new Set(Object.values(providers))) {
  const name = Object.keys(providers).find((scheme) => providers[scheme]?.open === open)
  const tokenOf = (payment: Payment, card: string): string => {
    const result = payment.tokenise({ method: 'test', card })
    assert.ok(result.kind === 'ok')
    return result.token
  }

  test(`${name}: money is authorised, captured and refunded once, however often each is asked for`, async (t) => {
    await using payment = await open(t)
    const [key, token] = [randomUUID(), tokenOf(payment, approved)]
    for (let i = 0; i < 2; i++)
      assert.deepEqual(await payment.authorise(key, amount, token), { kind: 'authorised' })
    for (let i = 0; i < 2; i++) assert.deepEqual(await payment.capture(key), { kind: 'captured' })
    assert.equal(await payment.state(key), 'captured')
    for (let i = 0; i < 2; i++) await payment.refund(key)
    assert.equal(await payment.state(key), 'refunded')
  })

  test(`${name}: a declined card takes nothing and says why, again and again`, async (t) => {
    await using payment = await open(t)
    const [key, token] = [randomUUID(), tokenOf(payment, declined)]
    const first = await payment.authorise(key, amount, token)
    assert.ok(first.kind === 'declined' && first.reason.length > 0)
    assert.deepEqual(await payment.authorise(key, amount, token), first)
    assert.deepEqual(await payment.capture(key), { kind: 'not-authorised' })
  })

  test(`${name}: when the answer is lost, asking again with the same key finds what was done`, async (t) => {
    await using payment = await open(t)
    const [key, token] = [randomUUID(), tokenOf(payment, lost)]
    await assert.rejects(payment.authorise(key, amount, token), PaymentUnavailable)
    assert.deepEqual(await payment.authorise(key, amount, token), { kind: 'authorised' })
  })

  test(`${name}: a void forbids an authorisation that arrives after it`, async (t) => {
    await using payment = await open(t)
    const [key, token] = [randomUUID(), tokenOf(payment, approved)]
    await payment.void(key)
    assert.equal((await payment.authorise(key, amount, token)).kind, 'declined')
    assert.deepEqual(await payment.capture(key), { kind: 'not-authorised' })
    assert.equal(await payment.state(key), 'voided')
  })

  test(`${name}: a void does not undo a capture, and a refund needs one`, async (t) => {
    await using payment = await open(t)
    const [key, token] = [randomUUID(), tokenOf(payment, approved)]
    await payment.authorise(key, amount, token)
    await payment.refund(key)
    assert.equal(await payment.state(key), 'authorised')
    await payment.capture(key)
    await payment.void(key)
    assert.equal(await payment.state(key), 'captured')
  })

  test(`${name}: what is not a card is named, and a card's digits are not kept`, async (t) => {
    await using payment = await open(t)
    for (const card of ['4242424242424241', '42', 'not a card'])
      assert.deepEqual(payment.tokenise({ method: 'test', card }), {
        kind: 'error',
        field: 'card',
        message: 'is not a card number',
      })
    assert.equal(payment.tokenise({ method: 'barter', card: approved }).kind, 'error')
    const other = payment.tokenise({ method: 'test', card: '5555 5555 5555 4444' })
    assert.ok(other.kind === 'ok' && !/5{4}/.test(other.token))
  })
}

test('test provider: when its books are away, what becomes of the money is unknown', async () => {
  await using payment = await openPayment('test+postgres://127.0.0.1:1/nowhere')
  await assert.rejects(payment.capture(randomUUID()), PaymentUnavailable)
})
