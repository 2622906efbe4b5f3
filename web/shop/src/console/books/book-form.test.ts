import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Book } from '#services/gateway'
import { readAmount, writeAmount } from './amount-text.ts'
import { emptyForm, formErrorsOf, formOf, readForm } from './book-form.ts'

const book: Book = {
  isbn: '9780141439518',
  title: 'Pride and Prejudice',
  subtitle: null,
  contributors: [{ name: 'Jane Austen', role: 'author' }],
  publisher: null,
  publishedOn: '1813-01-28',
  language: 'en',
  format: 'paperback',
  description: null,
  subjects: ['Romance'],
  price: { amount: 1250, currency: 'EUR' },
  cover: '/api/books/9780141439518/cover.svg',
  limited: true,
  perCustomer: 2,
  salesOpenAt: '2026-12-01T09:30:00.000Z',
  availability: { available: 3, status: 'low' },
}

test('a book goes through the form unchanged, without the cover the shop draws itself', () => {
  const { availability: _, ...fields } = book
  assert.deepEqual(readForm(formOf(book)), { kind: 'ok', book: { ...fields, cover: null } })
})

test('a time of opening is kept to the millisecond until another is typed', () => {
  const exact = { ...book, salesOpenAt: '2026-12-01T09:30:45.678Z' }
  const opening = (typed: string) => {
    const read = readForm({ ...formOf(exact), salesOpenAt: typed }, exact)
    return read.kind === 'ok' && read.book.salesOpenAt
  }
  assert.equal(opening(formOf(exact).salesOpenAt), exact.salesOpenAt)
  assert.equal(opening('2026-12-01T10:00'), new Date('2026-12-01T10:00').toISOString())
  assert.equal(opening(''), null)
})

test('an empty form names every field that is missing', () => {
  const read = readForm(emptyForm())
  assert.equal(read.kind, 'errors')
  assert.deepEqual(Object.keys(read.kind === 'errors' ? read.errors : {}), ['isbn', 'title'])
})

test('contributors without a name are left out', () => {
  const read = readForm({ ...formOf(book), contributors: [{ name: ' ', role: 'author' }] })
  assert.deepEqual(read.kind === 'ok' && read.book.contributors, [])
})

test('prices are read by the digits of their currency', () => {
  assert.equal(readAmount('12,5', 'EUR'), 1250)
  assert.equal(readAmount('0', 'EUR'), 0)
  assert.equal(readAmount('12.505', 'EUR'), undefined)
  assert.equal(readAmount('12.5', 'JPY'), undefined)
  assert.equal(readAmount('-1', 'EUR'), undefined)
  assert.equal(writeAmount(5, 'EUR'), '0.05')
  assert.equal(writeAmount(1250, 'KWD'), '1.250')
})

test('the API’s wrong fields are shown at the fields of the form', () => {
  const errors = formErrorsOf({
    'price.amount': 'too high',
    'price.currency': 'unknown',
    'contributors.0.name': 'empty',
  })
  assert.deepEqual(errors, { price: 'too high', currency: 'unknown', contributors: 'empty' })
})
