/**
 * ISBN-13 is a book's key; ISBN-10 is accepted and turned into it.
 * Source: ISBN Users' Manual, 7th edition, sections 5 and 9 (check digits, conversion from ISBN-10).
 */
export type Isbn = string

export type IsbnResult = { kind: 'ok'; isbn: Isbn } | { kind: 'error'; message: string }

/** Reads an ISBN-10 or ISBN-13, hyphens and spaces allowed, and checks its check digit. */
export function parseIsbn(text: string): IsbnResult {
  const compact = text.replace(/[\s\u2010-\u2013-]/g, '').toUpperCase()
  if (/^\d{13}$/.test(compact)) return parse13(compact)
  if (/^\d{9}[\dX]$/.test(compact)) return parse10(compact)
  return { kind: 'error', message: 'is not an ISBN: expected 10 or 13 digits, hyphens allowed' }
}

/** The check digit for the first twelve digits of an ISBN-13. */
export function checkDigit13(twelve: string): string {
  let sum = 0
  for (let i = 0; i < 12; i++) sum += Number(twelve[i]) * (i % 2 === 0 ? 1 : 3)
  return String((10 - (sum % 10)) % 10)
}

function parse13(digits: string): IsbnResult {
  if (!digits.startsWith('978') && !digits.startsWith('979'))
    return { kind: 'error', message: 'is not an ISBN: an ISBN-13 starts with 978 or 979' }
  const expected = checkDigit13(digits)
  if (digits[12] !== expected)
    return { kind: 'error', message: `has a wrong check digit: ${digits[12]} should be ${expected}` }
  return { kind: 'ok', isbn: digits }
}

function parse10(digits: string): IsbnResult {
  const expected = checkDigit10(digits)
  if (digits[9] !== expected)
    return { kind: 'error', message: `has a wrong check digit: ${digits[9]} should be ${expected}` }
  const twelve = `978${digits.slice(0, 9)}`
  return { kind: 'ok', isbn: twelve + checkDigit13(twelve) }
}

function checkDigit10(digits: string): string {
  let sum = 0
  for (let i = 0; i < 9; i++) sum += Number(digits[i]) * (10 - i)
  const check = (11 - (sum % 11)) % 11
  return check === 10 ? 'X' : String(check)
}
