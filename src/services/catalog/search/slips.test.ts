import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { maySlip, mistakes, oneMistakeAway, slips } from './nearest-words.ts'

test('every text that is one mistake away is found, and none that is further', () => {
  const near = new Set(oneMistakeAway('öde1'))
  for (const each of near) assert.equal(mistakes('öde1', each, 2), 1, each)
  for (const each of ['öd1', 'öed1', 'öde', 'ödel', 'öxde1', 'öde12', 'ode1', 'öde1ö'])
    assert.ok(near.has(each), each)
  assert.ok(!near.has('öde1'))
})

test('slips are whole words one mistake away, and short words and numbers have none', () => {
  assert.deepEqual(slips('poter', ['poterie', 'potter', 'porter', 'poster', 'pottery']), [
    'potter',
    'porter',
    'poster',
  ])
  assert.deepEqual(slips('poter', ['poter', 'potters']), [])
  assert.deepEqual(['potter', 'poter', 'pote', '19845'].map(maySlip), [true, true, false, false])
})

/** The word of each slip is the beginning of another book's word: "poterie", "hungry", "sorceress". */
const books: [string, string, string][] = [
  ['9780439554930', "Harry Potter and the Sorcerer's Stone (Harry Potter, #1)", 'J. K. Rowling'],
  ['9780439064866', 'Harry Potter and the Chamber of Secrets (Harry Potter, #2)', 'J. K. Rowling'],
  ['9780061997815', 'Harry Potter: Film Wizardry', 'Brian Sibley'],
  ['9782212134339', 'La poterie de Harry', 'Harry Clay'],
  ['9780439023481', 'The Hunger Games (The Hunger Games, #1)', 'Suzanne Collins'],
  ['9780439023535', 'Games for Hungry Children', 'Ann Cook'],
  ['9780060531041', 'Games of the Hungry', 'Ann Cook'],
  ['9780441172719', 'Stone Sorceress', 'Mary Quarry'],
  ['9780374203054', 'The Marriage Plot', 'Jeffrey Eugenides'],
  ['9780141439518', 'Maria', 'Jane Novak'],
  ['9780141439600', 'Marriage', 'Jane Novak'],
]

const found: Record<string, string[]> = {
  // The book meant comes first …
  'harry poter': ['9780439554930', '9780439064866', '9780061997815'],
  'harry potter': ['9780439554930', '9780439064866', '9780061997815'],
  'hungr games': ['9780439023481'],
  'hungre games': ['9780439023481'],
  'sorceres stone': ['9780439554930'],
  'stone sorceres': ['9780441172719'],
  // … and a word still being typed goes on finding what it begins.
  poteri: ['9782212134339'],
  'marria plo': ['9780374203054'],
  'sorceress stone': ['9780441172719'],
}

/** Found as well, wherever. */
const among = { poter: ['9780439554930', '9782212134339'], marria: ['9780141439518', '9780374203054'] }

test('a mistyped word that begins another word is read as both', async (t) => {
  const { call } = await testCatalog(t, 'slips')
  for (const [isbn, title, name] of books) {
    const contributors = [{ name, role: 'author' }]
    const body = { isbn, title, contributors, price: { amount: 1, currency: 'EUR' } }
    assert.equal((await call('POST', '/api/books', body)).status, 201)
  }
  for (const [q, isbns] of Object.entries(found)) {
    const { body } = await call('GET', `/api/books?${new URLSearchParams({ q })}`)
    const items: { isbn: string; title: string }[] = body.items
    const told = `${q} → ${items.map(({ title }) => title)}`
    assert.deepEqual(
      items.slice(0, isbns.length).map(({ isbn }) => isbn),
      isbns,
      told,
    )
  }
  for (const [q, isbns] of Object.entries(among)) {
    const { body } = await call('GET', `/api/books?q=${q}`)
    const listed = new Set(body.items.map(({ isbn }: { isbn: string }) => isbn))
    assert.deepEqual(
      isbns.filter((isbn) => !listed.has(isbn)),
      [],
      q,
    )
  }
})
