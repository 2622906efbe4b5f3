import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliver } from './broker-feed.ts'

function heard(topic: string, payload: unknown): string[] {
  const calls: string[] = []
  const note = (name: string) => (message: unknown) => void calls.push(`${name} ${JSON.stringify(message)}`)
  deliver(
    { topic, payload },
    { onOrders: note('orders'), onStock: note('stock'), onCatalogue: note('catalogue') },
  )
  return calls
}

test('news is handed on, with what a later version adds', () => {
  const orders = { orders: [{ id: 'a', version: 2, later: true }] }
  assert.deepEqual(heard('order.changed', orders), [`orders ${JSON.stringify(orders)}`])
  const books = { books: [{ isbn: '9780141439518', available: 1, status: 'low', asOf: 'now' }], later: 1 }
  assert.deepEqual(heard('stock.changed', books), [`stock ${JSON.stringify(books)}`])
  for (const isbns of [null, [], ['9780141439518']])
    assert.deepEqual(heard('catalogue.changed', { isbns }), [`catalogue ${JSON.stringify({ isbns })}`])
})

test('of news that cannot be read nothing reaches a page, and any book may have changed', () => {
  const garbled = [null, 7, 'text', [], {}, { version: 99 }, { orders: [null], books: [null], isbns: [null] }]
  const wrong = [
    { orders: [{ id: 'a', version: 2 ** 40 }] },
    { orders: [{ id: 'a', version: 'x' }] },
    { orders: {} },
  ]
  for (const payload of [...garbled, ...wrong]) {
    assert.deepEqual(heard('order.changed', payload), [])
    assert.deepEqual(heard('stock.changed', payload), ['catalogue {"isbns":null}'])
    assert.deepEqual(heard('catalogue.changed', payload), ['catalogue {"isbns":null}'])
  }
})
