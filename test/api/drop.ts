import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSecrets } from '#config'
import type { Check } from '#kernel/invariant'
import { audit, auditSecrets } from '../../src/commands/audit.ts'
import { storeEnvironment } from '../../src/local/running.ts'
import { openBookDb } from '../support/book-db.ts'
import { accepted, refused } from './client.ts'
import { addBook, confirmed, leaves, line, newKey, order, pay, type Shop, until } from './shop.ts'

const copies = 100
const buyers = 400

/** A limited edition goes on sale; then the books are checked. */
export function dropSuite(shop: () => Shop): void {
  const secrets = () => readSecrets(storeEnvironment(shop().store.places), auditSecrets)
  const findings = (checks: readonly Check[]) =>
    checks.flatMap((each) => each.findings.map(({ detail }) => detail))

  test('of 400 buyers of 100 copies at once exactly 100 get one, and the others are told what is left', async () => {
    const isbn = await addBook(shop(), { copies, limited: true, amount: 0 })
    const orders = Array.from({ length: buyers }, (_, i) => ({
      key: newKey(),
      customer: { name: `Reader ${i}`, email: `reader${i}@example.org` },
    }))
    const buy = () => Promise.all(orders.map((options) => order(shop(), [line(isbn)], options)))
    const replies = await buy()
    const placed = replies.filter(({ status }) => status === 201)
    assert.equal(placed.length, copies)
    assert.equal(new Set(placed.map(({ body }) => body.id)).size, copies)
    for (const reply of replies.filter(({ status }) => status !== 201))
      assert.deepEqual(refused(reply, 409, 'out-of-stock').lines, [{ isbn, requested: 1, available: 0 }])
    await leaves(shop(), isbn, 0)
    const again = await buy()
    assert.deepEqual(
      again.map(({ status }) => status),
      replies.map(({ status }) => (status === 201 ? 200 : 409)),
      'all of them once more: who had one has it, and nobody else gets one',
    )
    await until(shop(), placed.at(-1)?.body, ({ status }) => status === 'confirmed', 30_000)
  })

  test('of buyers who want several, as many are served as there are copies for', async () => {
    const [isbn, second] = [await addBook(shop(), { copies: 30 }), await addBook(shop(), { copies: 30 })]
    const wishes = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? [line(isbn, 2), line(second)] : [line(second, 2), line(isbn)],
    )
    const replies = await Promise.all(wishes.map((lines) => order(shop(), lines)))
    const taken = (of: string) =>
      replies
        .filter(({ status }) => status === 201)
        .flatMap(({ body }) => body.lines)
        .filter((each) => each.isbn === of)
        .reduce((sum, { quantity }) => sum + quantity, 0)
    for (const each of [isbn, second]) {
      assert.ok(taken(each) <= 30)
      await leaves(shop(), each, 30 - taken(each))
    }
    assert.ok(taken(isbn) + taken(second) >= 57, 'hardly a copy is left while somebody wants one')
  })

  test('after all this the books are in order', async () => {
    const paid = await confirmed(shop(), await addBook(shop()))
    accepted(await shop().post(`/api/orders/${paid.id}/cancel`, { token: paid.token }))
    await until(shop(), paid, ({ status }) => status === 'refunded')
    refused(await pay(shop(), paid), 409)
    const checks = await audit(secrets())
    assert.ok(checks.length >= 5)
    assert.deepEqual(findings(checks), [])
  })

  test('an audit notices a copy that is sold and was never there', async () => {
    const isbn = await addBook(shop(), { copies: 7 })
    await using books = await openBookDb(secrets().bookDb)
    const sell = (by: number) =>
      books.execute('UPDATE catalog.stock SET sold = sold + $2 WHERE isbn = $1', [isbn, by])
    await sell(1)
    try {
      const isNamed = async () => findings(await audit(secrets())).some((detail) => detail.includes(isbn))
      assert.ok(await isNamed())
      // Also while something keeps the title locked for longer than the audit waits.
      await books.transaction(async (tx) => {
        await tx.execute(
          books.dialect.name === 'postgres'
            ? 'SET LOCAL idle_in_transaction_session_timeout = 0'
            : 'SET SESSION idle_transaction_timeout = 0',
        )
        await tx.query('SELECT isbn FROM catalog.stock WHERE isbn = $1 FOR UPDATE', [isbn])
        assert.ok(await isNamed())
      })
    } finally {
      await sell(-1)
    }
    assert.deepEqual(findings(await audit(secrets())), [])
  })
}
