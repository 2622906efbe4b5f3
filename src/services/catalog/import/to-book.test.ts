import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImportedBook } from './source.ts'
import { checked } from './to-book.ts'

const dune = { isbn: '9780441172719', title: 'Dune' }

function taken(details: Partial<ImportedBook>): ImportedBook {
  const result = checked({ ...dune, ...details })
  if (result.kind === 'error') throw new Error(`${result.field} ${result.message}`)
  return result.book
}

test('details that are too long or too many are shortened or left out, and the book is taken', () => {
  const many = Array.from({ length: 60 }, (_, i) => `entry ${i}`)
  assert.deepEqual(taken({ subjects: ['x'.repeat(101), ...many] }).subjects, many.slice(0, 50))
  assert.equal('subjects' in taken({ subjects: ['x'.repeat(101)] }), false)
  assert.deepEqual(taken({ subjects: [] }).subjects, [])
  const contributors = many.map((name) => ({ name, role: 'author' }))
  assert.deepEqual(
    taken({ contributors: [{ name: `${'x'.repeat(200)} y`, role: 'author' }, ...contributors] }).contributors,
    [{ name: `${'x'.repeat(199)}…`, role: 'author' }, ...contributors.slice(0, 49)],
  )
  assert.equal(taken({ subtitle: `${'x'.repeat(490)} ${'y'.repeat(20)}` }).subtitle, `${'x'.repeat(490)}…`)
  assert.equal(taken({ publisher: 'x'.repeat(201) }).publisher, `${'x'.repeat(199)}…`)
  const { description } = taken({ description: `${'x'.repeat(19_998)}\u{1f4d6}y` })
  assert.equal(description, `${'x'.repeat(19_998)}…`)
  assert.deepEqual(taken({ description: null, subtitle: null }), {
    ...dune,
    description: null,
    subtitle: null,
  })
})

test('what a book cannot do without is still held against its limits', () => {
  const titles = ['du\u0007ne', 'du\ufffdne']
  for (const title of titles) {
    const result = checked({ ...dune, title })
    assert.equal(result.kind === 'error' && result.field, 'title', title)
  }
  assert.equal(taken({ title: `${'x'.repeat(490)} ${'y'.repeat(20)}` }).title, `${'x'.repeat(490)}…`)
})
