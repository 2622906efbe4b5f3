import { parseIsbn } from '#kernel/isbn'
import { type Read, read, startOf, unreadable } from './read-values.ts'

/** Marks that change the direction of writing or take no room. */
const invisible = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g
const dashes = /[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/g
/** Also as a spreadsheet groups its digits, and with the zeros that make a longer number of it. */
const candidate13 = /(?<!\d)0{0,6}9[ .,_-]?7[ .,_-]?[89](?:[ .,_-]?\d){10}(?!\d)/g
const candidate10 = /(?<![\dXx])\d(?:[ -]?\d){8}[ -]?[\dXx](?![\dXx])/g
/** An EAN-13 with the two or five digits that a scanner reads beside it. */
const withAddOn = /^(97[89]\d{10})[ -]?(?:\d{5}|\d{2})$/

/**
 * The ISBN of the cells that may hold it: the first cell that holds one counts, whatever decorates it. Leading zeros
 * that a spreadsheet dropped are put back, and the check digit tells whether that was right; digits that it rounded
 * away cannot be.
 */
export function readIsbn(cells: readonly { name: string; text: string }[]): Read<string> {
  const filled = cells.filter(({ text }) => plainOf(text) !== '')
  const problems: string[] = []
  for (const { name, text } of filled) {
    const found = isbnIn(plainOf(text))
    if (found.kind === 'ok') return found
    problems.push(`${name === 'isbn' ? '' : `${startOf(name)} `}"${startOf(text)}" ${found.message}`)
  }
  if (filled.length === 0) return unreadable('is missing')
  return unreadable(problems.slice(0, 5).join('; '))
}

const plainOf = (text: string) =>
  text
    .slice(0, 500)
    .normalize('NFKC')
    .replace(invisible, '')
    .replace(dashes, '-')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15))
    .replace(/^[='"`\u2018\u2019\s]+|["'\u2019\s]+$/g, '')
    .replace(/\s+/g, ' ')

function isbnIn(text: string): Read<string> {
  if (/^\d(?:[.,]\d+)?e\+?\d+$/i.test(text))
    return unreadable('is a rounded number that has lost its last digits')
  const plain = text.replace(/[.,]0+$/, '')
  const whole = parseIsbn(/^\d{6,8}[\dXx]$/.test(plain) ? plain.padStart(10, '0') : plain)
  if (whole.kind === 'ok') return read(whole.isbn)
  const scanned = withAddOn.exec(plain)?.[1]
  if (scanned !== undefined && parseIsbn(scanned).kind === 'ok') return read(scanned)
  const found13 = [...text.matchAll(candidate13)].map(([digits]) => digits.replace(/\D/g, '').slice(-13))
  const found10 = [...text.matchAll(candidate10)].map(([digits]) => digits)
  const parsed = [...found13, ...found10].map((digits) => parseIsbn(digits))
  const [first] = parsed.flatMap((each) => (each.kind === 'ok' ? [each.isbn] : []))
  if (first !== undefined) return read(first)
  const [wrong] = parsed.flatMap((each) => (each.kind === 'error' ? [each.message] : []))
  return unreadable(
    whole.kind === 'error' && /check digit/.test(whole.message) ? whole.message : (wrong ?? whole.message),
  )
}
