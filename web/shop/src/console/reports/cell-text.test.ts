import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Column, cellText, currencyOf, seriesOf } from './cell-text.ts'

const columns: Column[] = [
  { name: 'day', title: 'Day', kind: 'day' },
  { name: 'revenue', title: 'Revenue', kind: 'money' },
  { name: 'currency', title: 'Currency', kind: 'text' },
]

test('a cell says what its column holds', () => {
  assert.match(cellText(123456, { kind: 'money' }, 'EUR'), /1[,.]234[,.]56/)
  assert.match(cellText(1234, { kind: 'money' }, 'JPY'), /1[,.]234/)
  assert.match(cellText(0, { kind: 'money' }, 'EUR'), /0[,.]00/)
  assert.match(
    cellText(123456, { kind: 'amount' }, 'EUR'),
    /1[,.]234[,.]56/,
    'money in a row with a currency',
  )
  assert.match(
    cellText(123456, { kind: 'amount' }, undefined),
    /^123[,.]456$/,
    'a count in a row without one',
  )
  assert.match(cellText(0.125, { kind: 'share' }, undefined), /12[.,]5\s*%/)
  assert.match(cellText('2026-11-28', { kind: 'day' }, undefined), /28/)
  assert.equal(cellText(null, { kind: 'count' }, undefined), '–')
  assert.equal(currencyOf(['2026-11-28', 1, 'EUR'], columns), 'EUR')
})

test('a chart never adds up two currencies: it shows the one that most rows have', () => {
  const rows = [
    ['2026-11-28', 300, 'EUR'],
    ['2026-11-28', 999_999, 'JPY'],
    ['2026-11-27', 100, 'EUR'],
  ]
  const [series] = seriesOf({ chart: { kind: 'bars', x: 'day', y: ['revenue'] }, columns, rows })
  assert.deepEqual(
    series?.points.map(({ value }) => value),
    [100, 300],
    'and begins with the oldest day',
  )
  assert.deepEqual(seriesOf({ columns, rows }), [])
})
