import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDigit13, parseIsbn } from './isbn.ts'

const isbnOf = (text: string) => {
  const parsed = parseIsbn(text)
  return parsed.kind === 'ok' ? parsed.isbn : parsed.message
}

test('an ISBN is read with or without hyphens and spaces, of ten digits or thirteen', () => {
  for (const text of [
    '9780439554930',
    '978-0-439-55493-0',
    '978 0439 55493 0',
    '0-439-55493-4',
    '0439554934',
  ])
    assert.equal(isbnOf(text), '9780439554930')
  assert.equal(isbnOf('0-8044-2957-x'), '9780804429573')
  assert.equal(isbnOf('978‑0‑439‑55493‑0'), '9780439554930')
})

test('a wrong check digit is told apart from what is no ISBN at all', () => {
  assert.match(isbnOf('9780439554931'), /check digit: 1 should be 0/)
  assert.match(isbnOf('0439554935'), /check digit: 5 should be 4/)
  assert.match(isbnOf('9770439554930'), /starts with 978 or 979/)
  for (const text of ['', '439554934', '97804395549300', 'abcdefghij', '978043955493X', '٩٧٨٠٤٣٩٥٥٤٩٣٠'])
    assert.match(isbnOf(text), /is not an ISBN/)
})

test('every single wrong digit of an ISBN-13 is noticed', () => {
  const right = '9780141439518'
  for (let place = 3; place < 13; place++)
    for (const digit of '0123456789') {
      const text = right.slice(0, place) + digit + right.slice(place + 1)
      assert.equal(parseIsbn(text).kind, text === right ? 'ok' : 'error', text)
    }
  assert.equal(checkDigit13('978014143951'), '8')
})
