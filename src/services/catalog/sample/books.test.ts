import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { parseIsbn } from '#kernel/isbn'

const columns = [
  'isbn',
  'title',
  'subtitle',
  'contributors',
  'publishedOn',
  'language',
  'format',
  'subjects',
  'description',
  'priceAmount',
  'priceCurrency',
  'copies',
  'limited',
  'perCustomer',
  'salesOpenIn',
] as const
type Row = Record<(typeof columns)[number], string>

const languages = 'ar bn cs da de el en enm es fa fi fr grc hu it ja la nb nl pl pt ro ru sv uk zh'.split(' ')
const formats = ['hardcover', 'paperback', 'pocket']
const roles = ['translator', 'illustrator', 'editor']
const subjects = [
  'Adventure',
  'Antiquity',
  'Art',
  'Biography & memoir',
  "Children's books",
  'Crime & mystery',
  'Drama',
  'Economics',
  'Epics & myths',
  'Essays & letters',
  'Fairy tales & folklore',
  'Fantasy',
  'Historical fiction',
  'History',
  'Horror & Gothic',
  'Humour & satire',
  'Love',
  'Nature',
  'Novels',
  'Philosophy',
  'Poetry',
  'Politics & society',
  'Religion',
  'Science',
  'Science fiction',
  'Short stories',
  'The sea',
  'Travel',
]

const text = readFileSync(new URL('./books.csv', import.meta.url), 'utf8')
const rows = parse<Row>(text, { columns: true })
const limited = rows.filter((row) => row.limited === 'true')

test('the sample has the agreed columns and at least 300 books', () => {
  assert.deepEqual(text.slice(0, text.indexOf('\n')).split(','), [...columns])
  assert.ok(rows.length >= 300, `${rows.length} books`)
})

test('every ISBN is valid, of the sample range, and used once', () => {
  for (const { isbn } of rows) {
    assert.match(isbn, /^978649\d{7}$/)
    assert.deepEqual(parseIsbn(isbn), { kind: 'ok', isbn })
  }
  assert.equal(new Set(rows.map((row) => row.isbn)).size, rows.length)
})

test('every book has its required fields in the agreed form', () => {
  for (const row of rows) {
    assert.ok(row.title, row.isbn)
    assert.match(row.publishedOn, /^-?\d{4}$/, row.title)
    assert.ok(languages.includes(row.language), `${row.title}: language ${row.language}`)
    assert.ok(formats.includes(row.format), `${row.title}: format ${row.format}`)
    assert.ok(row.description.length >= 40 && row.description.length <= 400, `${row.title}: description`)
    assert.match(row.priceAmount, /^\d+$/, row.title)
    assert.equal(row.priceCurrency, 'EUR', row.title)
    assert.match(row.copies, /^[1-9]\d*$/, row.title)
    assert.match(row.limited, /^(true|false)$/, row.title)
    assert.match(row.perCustomer, /^([1-9]\d*)?$/, row.title)
    assert.match(row.salesOpenIn, /^([1-9]\d*)?$/, row.title)
    for (const [field, value] of Object.entries(row)) {
      assert.equal(value, value.trim(), `${row.title}: space around ${field}`)
      assert.equal(value, value.normalize('NFC'), `${row.title}: ${field} is composed`)
    }
  }
})

test('subjects come from one vocabulary, two to four for each book, and none is unused', () => {
  const used = new Set<string>()
  for (const row of rows) {
    const own = row.subjects.split('; ')
    assert.ok(own.length >= 2 && own.length <= 4, `${row.title}: ${row.subjects}`)
    assert.equal(new Set(own).size, own.length, `${row.title}: ${row.subjects}`)
    for (const subject of own) {
      assert.ok(subjects.includes(subject), `${row.title}: ${subject}`)
      used.add(subject)
    }
  }
  assert.deepEqual([...used].sort(), [...subjects].sort())
})

test('contributors are names, with a known role unless they are the author', () => {
  for (const row of rows) {
    for (const contributor of row.contributors === '' ? [] : row.contributors.split('; ')) {
      const role = /^[^()]+?(?: \(([a-z]+)\))?$/.exec(contributor)
      assert.ok(role, `${row.title}: ${contributor}`)
      assert.ok(role[1] === undefined || roles.includes(role[1]), `${row.title}: ${contributor}`)
    }
  }
})

test('no title by the same author appears twice in one language', () => {
  const seen = new Set<string>()
  for (const row of rows) {
    const key = [row.title.toLowerCase(), row.contributors.split('; ')[0], row.language].join('|')
    assert.ok(!seen.has(key), key)
    seen.add(key)
  }
})

test('at least 25 books are in another language than English', () => {
  assert.ok(rows.filter((row) => row.language !== 'en').length >= 25)
})

test('limited editions are small, one is free, one opens later, and one is down to its last copies', () => {
  assert.ok(limited.length >= 6)
  for (const row of limited) {
    assert.equal(row.format, 'hardcover', row.title)
    assert.ok(Number(row.copies) <= 120, row.title)
    assert.match(row.perCustomer, /^[12]$/, row.title)
  }
  assert.equal(limited.filter((row) => row.priceAmount === '0').length, 1)
  assert.equal(limited.filter((row) => row.salesOpenIn !== '').length, 1)
  assert.ok(limited.some((row) => row.copies === '3'))
  assert.ok(limited.some((row) => row.copies === '100'))
})

test('only limited editions are free, rationed or not yet on sale', () => {
  for (const row of rows.filter((row) => row.limited === 'false')) {
    assert.notEqual(row.priceAmount, '0', row.title)
    assert.equal(row.perCustomer, '', row.title)
    assert.equal(row.salesOpenIn, '', row.title)
  }
})
