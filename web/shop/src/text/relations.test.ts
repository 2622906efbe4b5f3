import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Book } from '#services/gateway'
import { relatedGroups, relatedMax, relatedTo } from './relations.ts'

const product = (relation: string, i: number) => ({ relation, isbn: `978000000${1000 + i}` })

test('related titles stand under what they are to the book, each once and never the book itself', () => {
  const related = [product('99', 1), product('06', 2), product('03', 3), product('27', 4), product('23', 2)]
  const book = { isbn: product('', 3).isbn, details: { related } }
  assert.deepEqual(
    relatedTo(book).map(({ isbn }) => isbn),
    [1, 2, 4].map((i) => product('', i).isbn),
  )
  const known = new Map([[product('', 4).isbn, { title: 'Known' } as Book]])
  assert.deepEqual(
    relatedGroups(relatedTo(book), known).map(({ name, titles }) => [
      name,
      titles.map((each) => each.book?.title ?? each.isbn),
    ]),
    [
      ['Other formats', ['Known', product('', 2).isbn]],
      ['Others', [product('', 1).isbn]],
    ],
  )
})

test('no more titles are asked for than one search takes', () => {
  const related = Array.from({ length: 50 }, (_, i) => product('22', i))
  assert.equal(relatedTo({ isbn: '9780306406157', details: { related } }).length, relatedMax)
  assert.deepEqual(relatedTo({ isbn: '9780306406157' }), [])
})
