import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMoney, minorDigitsOf } from './money.ts'

test('an amount has the decimals of its currency', () => {
  const digits = (codes: string) => [...new Set(codes.split(' ').map(minorDigitsOf))]
  assert.deepEqual(digits('BHD IQD JOD KWD LYD OMR TND'), [3])
  assert.deepEqual(digits('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'), [0])
  assert.deepEqual(digits('EUR USD GBP CHF'), [2])
})

test('money is shown whole in every currency', () => {
  const shown = (amount: number, currency: string) => formatMoney({ amount, currency }).replace('\u00a0', ' ')
  assert.deepEqual(
    [shown(1250, 'EUR'), shown(1200, 'EUR'), shown(1250, 'JPY'), shown(1250, 'IQD'), shown(1250, 'RWF')],
    ['€12.50', '€12.00', '¥1,250', 'IQD 1.250', 'RWF 1,250'],
  )
  assert.equal(formatMoney({ amount: 1250, currency: 'EUR' }, 'de'), '12,50\u00a0€')
})
