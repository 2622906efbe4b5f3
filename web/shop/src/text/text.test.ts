import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byline, languageName, sentenceCase, stockText } from './book.ts'
import { clockText, remaining, yearText } from './dates.ts'
import { minorUnits, priceText, times, totals } from './money.ts'

test('a price follows the currency and the locale', () => {
  assert.equal(priceText({ amount: 1250, currency: 'EUR' }, 'en'), '€12.50')
  assert.equal(priceText({ amount: 1250, currency: 'EUR' }, 'de').replace('\u00a0', ' '), '12,50 €')
  assert.equal(priceText({ amount: 1250, currency: 'JPY' }, 'en'), '¥1,250')
  assert.equal(priceText({ amount: 0, currency: 'EUR' }, 'en'), 'Free')
})

test('sums stay whole minor units, one per currency', () => {
  const ten = { amount: 10, currency: 'EUR' }
  assert.deepEqual(times(ten, 3), { amount: 30, currency: 'EUR' })
  assert.deepEqual(totals([ten, { amount: 5, currency: 'USD' }, ten]), [
    { amount: 20, currency: 'EUR' },
    { amount: 5, currency: 'USD' },
  ])
})

test('typed prices are read with comma or point, and nothing else is', () => {
  assert.equal(minorUnits('12'), 1200)
  assert.equal(minorUnits(' 12,5 '), 1250)
  assert.equal(minorUnits('12.05'), 1205)
  for (const text of ['', '-1', '1e9', '12.345', 'twelve', '1 2'])
    assert.equal(minorUnits(text), undefined, text)
})

test('years before our era and early years are told apart', () => {
  assert.equal(yearText('1813-01-28'), '1813')
  assert.equal(yearText('-0700'), '700 BC')
  assert.equal(yearText('0180'), 'AD 180')
})

test('a countdown rounds up, so that it ends at zero and not a second early', () => {
  assert.deepEqual(remaining(90_061_000), { days: 1, hours: 1, minutes: 1, seconds: 1 })
  assert.deepEqual(remaining(-5), { days: 0, hours: 0, minutes: 0, seconds: 0 })
  assert.equal(clockText(899_001), '15:00')
  assert.equal(clockText(3_661_000), '1:01:01')
})

test('a byline names authors, or whoever there is', () => {
  const by = (...names: string[]) => byline({ contributors: names.map((name) => ({ name, role: 'author' })) })
  assert.equal(by('Homer'), 'Homer')
  assert.equal(by('Ilf', 'Petrov'), 'Ilf and Petrov')
  assert.equal(by('A', 'B', 'C', 'D'), 'A and others')
  assert.equal(byline({ contributors: [{ name: 'E. Garnett', role: 'translator' }] }), 'E. Garnett')
  assert.equal(byline({ contributors: [] }), '')
})

test('languages and words are shown in English', () => {
  assert.equal(languageName('de'), 'German')
  assert.equal(languageName('not a code'), 'not a code')
  assert.equal(sentenceCase('ebook-card'), 'Ebook card')
})

test('the stock of a limited edition is counted, that of an everyday title only when it is low', () => {
  assert.equal(stockText({ available: 40, status: 'in-stock' }).text, 'In stock')
  assert.equal(stockText({ available: 40, status: 'in-stock' }, true).text, 'Limited, 40 left')
  assert.equal(stockText({ available: 1, status: 'low' }).text, 'Last copy')
  assert.equal(stockText({ available: 0, status: 'sold-out' }).text, 'Sold out')
})
