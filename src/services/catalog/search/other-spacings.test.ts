import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { otherSpacings, wordsOtherwiseSpaced } from './other-spacings.ts'

test('a strange word is parted where both parts are known, and neighbours are joined to a known word', () => {
  const vocabulary = new Set([
    'moby',
    'dick',
    'catch',
    '22',
    'hitchhikers',
    'guide',
    'harry',
    'potter',
    'har',
  ])
  const read = (text: string) => {
    const words = text.split(' ')
    const asked = new Set(wordsOtherwiseSpaced(words))
    const isKnown = (word: string) => asked.has(word) && vocabulary.has(word)
    return otherSpacings(words, (word) => !vocabulary.has(word), isKnown).map((each) => each.join(' '))
  }
  assert.deepEqual(read('mobydick'), ['moby dick'])
  assert.deepEqual(read('catch22'), ['catch 22'])
  assert.deepEqual(read('hitch hikers guide'), ['hitchhikers guide'])
  assert.deepEqual(read('harrypotter mobydick'), ['harry potter moby dick'])
  assert.deepEqual(read('harry guide'), [])
  vocabulary.add('mobydick')
  assert.deepEqual(read('mobydick guide'), ['moby dick guide'])
  assert.deepEqual(wordsOtherwiseSpaced(['a'.repeat(60)]), [])
})

const books: [string, string, string][] = [
  ['9780142437247', 'Moby-Dick or, The Whale', 'Herman Melville'],
  ['9780684833392', 'Catch-22', 'Joseph Heller'],
  ['9780446697590', 'Catch Me', 'Lisa Gardner'],
  ['9780345391803', "The Hitchhiker's Guide to the Galaxy", 'Douglas Adams'],
  ['9780061374227', 'A Guide for Hikers', 'Ann Cook'],
  ['9780743273565', 'The Great Gatsby', 'F. Scott Fitzgerald'],
  ['9780143039433', 'The Grapes of Wrath', 'John Steinbeck'],
  ['9781451673319', 'Fahrenheit 451', 'Ray Bradbury'],
  ['9780060742720', 'Three Wishes', 'Liane Moriarty'],
  ['9780140449266', 'The Count of Monte Cristo', 'Alexandre Dumas'],
]

const found: Record<string, string> = {
  mobydick: '9780142437247',
  catch22: '9780684833392',
  'hitch hikers guide': '9780345391803',
  'the grate gatsby': '9780743273565',
  'fahrenheit four hundred fifty one': '9781451673319',
  'dumas musketeers': '9780140449266',
  '٩٧٨٠٧٤٣٢٧٣٥٦٥': '9780743273565',
  '९७८-०-७४३२-७३५६-५': '9780743273565',
  'fahrenheit ٤٥١': '9781451673319',
}

test('a book is found by words with their spaces elsewhere, beside one that is none, and by digits of any script', async (t) => {
  const { call } = await testCatalog(t, 'other_spacings')
  for (const [isbn, title, name] of books) {
    const contributors = [{ name, role: 'author' }]
    const body = { isbn, title, contributors, price: { amount: 1, currency: 'EUR' } }
    assert.equal((await call('POST', '/api/books', body)).status, 201)
  }
  // A neighbour that nobody understands goes with no way to space the others.
  assert.equal((await call('GET', '/api/books?q=mobydick+qqqqqqqq')).status, 200)
  for (const [q, isbn] of Object.entries(found)) {
    const { body } = await call('GET', `/api/books?${new URLSearchParams({ q })}`)
    const told = `${q} → ${body.items.map(({ title }: { title: string }) => title)}`
    assert.equal(body.items[0]?.isbn, isbn, told)
  }
})
