import assert from 'node:assert/strict'
import { test } from 'node:test'
import { books, quoted } from '../../../../test/support/csv.ts'

test('several authors are told apart however they are joined, and one inverted name is one person', async () => {
  const cases: [string, string][] = [
    ['Beispiel, Anna', 'Anna Beispiel'],
    ['García Pérez, Gabriel', 'Gabriel García Pérez'],
    ['Ann Author, Bob Brush', 'Ann Author|Bob Brush'],
    ['Ann Author and Bob Brush', 'Ann Author|Bob Brush'],
    ['Ann Author & Bob Brush', 'Ann Author|Bob Brush'],
    ['Ann Author, Bob Brush and Cy Pen', 'Ann Author|Bob Brush|Cy Pen'],
    ['Author, Ann; Brush, Bob', 'Ann Author|Bob Brush'],
    ['Author, Ann & Brush, Bob', 'Ann Author|Bob Brush'],
    ['Ann Author / Bob Brush', 'Ann Author|Bob Brush'],
    ['Austen, Jane, 1775-1817', 'Jane Austen'],
    ['King, Martin Luther, Jr.', 'Martin Luther King Jr.'],
    ['King, Jr., Martin Luther', 'Martin Luther King Jr.'],
    ['Martin Luther King, Jr.', 'Martin Luther King, Jr.'],
    ['Example Press, Inc.', 'Example Press, Inc.'],
    ['de la Cruz, Juana Inés', 'Juana Inés de la Cruz'],
    ['Author, Ann, Brush, Bob', 'Ann Author|Bob Brush'],
    ['Ann Author\nBob Brush', 'Ann Author|Bob Brush'],
    ['Ann\nAuthor', 'Ann Author'],
    ['Ann Author/Bob Brush', 'Ann Author|Bob Brush'],
    ['AC/DC', 'AC/DC'],
    ['Ann Author · Bob Brush', 'Ann Author|Bob Brush'],
    ['["Ann Author","Brush, Bob"]', 'Ann Author|Brush, Bob'],
    ['Simon & Schuster', 'Simon & Schuster'],
    ['Ursula K. Le Guin', 'Ursula K. Le Guin'],
    ['Le Guin, Ursula K.', 'Ursula K. Le Guin'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,author\n9780441172719,Dune,${quoted(cell)}\n`)
    assert.equal(book?.contributors?.map(({ name }) => name).join('|'), expected, cell)
  }
})

test('a role beside a name is the same whichever language says it, and however short', async () => {
  const cases: [string, string][] = [
    ['Ann Author (Hrsg.)', 'editor'],
    ['Ann Author (eds.)', 'editor'],
    ['Ann Author (Übers.)', 'translator'],
    ['Ann Author (traducción)', 'traducción'],
    ['Ann Author (illustrated by)', 'illustrator'],
    ['Ann Author [Sprecherin]', 'narrator'],
    ['Ann Author (Autorin)', 'author'],
    ['Ann Author (baker)', 'baker'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,author\n9780441172719,Dune,${quoted(cell)}\n`)
    assert.deepEqual(book?.contributors, [{ name: 'Ann Author', role: expected }], cell)
  }
  const [book] = await books(
    `isbn,title,author\n9780441172719,Dune,${quoted('Author, Ann (Author), Brush, Bob (Illustrator)')}\n`,
  )
  assert.deepEqual(book?.contributors, [
    { name: 'Ann Author', role: 'author' },
    { name: 'Bob Brush', role: 'illustrator' },
  ])
})
