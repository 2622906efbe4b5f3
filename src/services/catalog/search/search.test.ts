import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { splitIsbns } from './isbns-in-text.ts'
import { mistakes, nearest } from './nearest-words.ts'

test('ISBNs are found between other words, in every way people write them', () => {
  const isbn = '9780439554930'
  const found: [string, string[], string, string[]?][] = [
    ['978043955493054999', [isbn], ''],
    ['978-0-439-55493-0-54999', [isbn], ''],
    ['439554934', [], '439554934', [isbn]],
    ['439554935', [], '439554935'],
    ['9780439554930', [isbn], ''],
    ['0-439-55493-4', [isbn], ''],
    ['978-0-439-55493-0', [isbn], ''],
    ['978 0 439 55493 0', [isbn], ''],
    ['ISBN: 9780439554930, harry potter', [isbn], 'harry potter'],
    ['harry (ISBN-10: 0439554934) potter', [isbn], 'harry potter'],
    ['9780439554930 9780441172719', [isbn, '9780441172719'], ''],
    ['9780439554931', [], '9780439554931'],
    ['catch 22 in 1984', [], 'catch 22 in 1984'],
    ['978-0-439', [], '9780439'],
  ]
  for (const [text, isbns, rest, guesses = []] of found)
    assert.deepEqual(splitIsbns(text), { isbns, guesses, rest }, text)
})

test('a mistyped word is read as the words with the fewest mistakes', () => {
  assert.equal(mistakes('tolkein', 'tolkien', 3), 1)
  assert.equal(mistakes('kitten', 'sitting', 3), 3)
  assert.equal(mistakes('abc', 'xyz', 2), Number.POSITIVE_INFINITY)
  assert.deepEqual(nearest('tolkein', ['tolkien', 'token', 'toll']), ['tolkien'])
  assert.deepEqual(nearest('dostoevs', ['dostoyevsky', 'dust']), ['dostoyevsky'], 'while typing')
  assert.deepEqual(nearest('cat', ['cut', 'car']), [], 'short words mean themselves')
  assert.deepEqual(nearest('1985', ['1984']), [], 'so do numbers')
})

test('a search finds beginnings, other spellings and other scripts', async (t) => {
  const { call } = await testCatalog(t, 'search')
  const books: [string, string, string][] = [
    ['9780141439518', 'Pride & Prejudice', 'Jane Austen'],
    ['9782070360024', "L'Étranger", 'Albert Camus'],
    ['9780547928227', 'The Hobbit, or There and Back Again', 'J. R. R. Tolkien'],
    ['9787536692930', '三体', '刘慈欣'],
    ['9785170906307', 'Война и мир', 'Лев Толстой'],
    ['9780140449136', 'Crime and Punishment', 'Fyodor Dostoyevsky'],
    ['9780141036144', '1984', 'George Orwell'],
    ['9780060531041', 'One Hundred Years of Solitude', 'Gabriel García Márquez'],
  ]
  for (const [isbn, title, name] of books) {
    const body = {
      isbn,
      title,
      contributors: [{ name, role: 'author' }],
      price: { amount: 1, currency: 'EUR' },
    }
    assert.equal((await call('POST', '/api/books', body)).status, 201)
  }
  const expected: Record<string, string[]> = {
    9780141439518: [
      'pride',
      'PRIDE and prejudice',
      'pride & prejudice',
      'prejudise',
      'jane austin',
      'austen pri',
      'jnae',
    ],
    9782070360024: ['etranger', "l'étranger", 'ETRANGER camus', 'l’Étranger', 'étr'],
    9780547928227: [
      'tolkein',
      'JRR Tolkien',
      'j.r.r.tolkien',
      'j r r tolkien',
      'hobbit',
      'hobit',
      'the hobbit',
      'back agai',
    ],
    9787536692930: ['三体', '三', '体', '慈欣'],
    9785170906307: ['война', 'ВОЙНА', 'толст', 'Толстой мир'],
    9780140449136: ['dostoevsky', 'dostoyevski crime', 'crime punishment', 'punishmnet'],
    9780141036144: [
      '1984',
      'orwel',
      'george orwell 1984',
      'nineteen eighty four',
      'Nineteen Eighty-Four orwell',
      '9780141036144',
      '0-14-103614-1',
      '141036141',
      '978-0-14-103614-4-51999',
      '978014103614451999',
    ],
    9780060531041: ['100 years of solitude', 'one hundred years'],
  }
  for (const [isbn, queries] of Object.entries(expected))
    for (const q of queries) {
      const { body } = await call('GET', `/api/books?${new URLSearchParams({ q })}`)
      assert.equal(
        body.items[0]?.isbn,
        isbn,
        `${q} → ${body.items.map((item: { title: string }) => item.title)}`,
      )
    }
})
