import assert from 'node:assert/strict'
import { test } from 'node:test'
import { currentDrops } from './drop-order.ts'

test('drops come opening soonest, then fewest copies left, then sold out', () => {
  const drops = [
    drop('gone', 'sold-out', 0),
    drop('plenty', 'in-stock', 40),
    drop('some day', 'upcoming', 10),
    drop('last', 'low', 1),
    drop('in May', 'upcoming', 10, '2027-05-01T08:00:00Z'),
    drop('few', 'in-stock', 9),
    drop('in March', 'upcoming', 90, '2027-03-01T08:00:00Z'),
  ]
  const names = currentDrops(drops, 6).map(({ name }) => name)
  assert.deepEqual(names, ['in March', 'in May', 'some day', 'last', 'few', 'plenty'])
})

test('drops of equal standing stay in the order they came in', () => {
  const drops = [drop('a', 'in-stock', 5), drop('b', 'low', 5), drop('c', 'in-stock', 5)]
  assert.deepEqual(
    currentDrops(drops, 3).map(({ name }) => name),
    ['a', 'b', 'c'],
  )
})

function drop(
  name: string,
  status: 'in-stock' | 'low' | 'sold-out' | 'upcoming',
  available: number,
  salesOpenAt: string | null = null,
) {
  return { name, salesOpenAt, availability: { available, status } }
}
