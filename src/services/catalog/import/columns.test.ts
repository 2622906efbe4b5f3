import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMapping, readColumns } from './columns.ts'

function indexes(header: readonly string[], map: string): Record<string, number[]> | string {
  const parsed = parseMapping(map)
  if (parsed.kind === 'error') return parsed.message
  const read = readColumns(header, parsed.mapping)
  if (read.kind === 'error') return read.message
  return Object.fromEntries(
    [...read.columns].map(([field, found]) => [field, found.map(({ index }) => index)]),
  )
}

test('a mapping names columns by name, in quotes or by place, several for a field, and leaves others out', () => {
  const header = ['ISBN', 'ISBN13', 'Name, "short"', 'Title', 'Title', 'Price', 'a=b', '#2']
  assert.deepEqual(indexes(header, ''), { isbn: [0, 1], title: [3], price: [5] })
  assert.deepEqual(indexes(header, 'isbn=#2, isbn=ISBN , title="Name, ""short""",none=Price'), {
    isbn: [7, 0],
    title: [2],
  })
  assert.deepEqual(indexes(header, 'isbn=#1,title=#5,none=#4,subtitle=a=b'), {
    ...{ isbn: [0], title: [4], subtitle: [6], price: [5] },
  })
  assert.deepEqual(indexes(header, 'price=,'), '"price=" names no column: write price=COLUMN')
  assert.match(String(indexes(header, 'colour=x')), /"colour" is not a field; fields are isbn, title/)
  assert.match(String(indexes(header, 'title=#20')), /there is no column "#20"; the columns are ISBN, ISBN13/)
  assert.match(String(indexes(header, 'none=Nothing')), /there is no column "Nothing"/)
  assert.match(String(indexes(header, 'title="open')), /is not FIELD=COLUMN/)
  assert.match(String(indexes(header, 'none=ISBN,none=ISBN13')), /no column holds the isbn/)
})

test('a header of more columns than a catalogue has is refused', () => {
  const message = indexes(
    Array.from({ length: 1_001 }, (_, i) => `c${i}`),
    '',
  )
  assert.match(String(message), /there are 1001 columns, more than 1000/)
})
