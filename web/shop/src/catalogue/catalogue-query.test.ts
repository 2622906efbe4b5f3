import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changed, isWhole, readFilter, writeFilter } from './catalogue-query.ts'

test('a filter comes back from its address', () => {
  const filter = {
    q: 'sea',
    subject: 'Adventure',
    thema: 'FB',
    limited: true,
    minPrice: 500,
    sort: 'title',
  } as const
  assert.deepEqual(readFilter(writeFilter(filter) as Record<string, string>), filter)
})

test('what an address cannot mean is left out', () => {
  const filter = readFilter({
    q: '  ',
    sort: 'colour',
    minPrice: '-3',
    maxPrice: 'all',
    thema: 'F B',
    limited: 'yes',
    x: '1',
  })
  assert.deepEqual(filter, {})
  assert.deepEqual(readFilter({ q: ['a', 'b'] }), { q: 'a' })
})

test('a change to undefined takes a filter away', () => {
  assert.deepEqual(changed({ q: 'sea', subject: 'War' }, { subject: undefined }), { q: 'sea' })
})

test('an order of the list does not narrow it', () => {
  assert.equal(isWhole({ sort: 'price' }), true)
  assert.equal(isWhole({ limited: true }), false)
})
