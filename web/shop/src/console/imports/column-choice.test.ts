import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importFields } from '#services/catalog'
import { choiceOf, fieldNames, mapOf, type ReportColumn } from './column-choice.ts'

const column = (name: string, field: string | null, rank = 0): ReportColumn => ({
  name,
  field,
  rank,
  samples: [],
})

test('every field that an import reads has a name to choose it by', () => {
  assert.deepEqual(Object.keys(fieldNames).sort(), [...importFields].sort())
})

test('a choice names columns by their places, in the order that counts', () => {
  const columns = [
    column('ISBN', 'isbn', 1),
    column('ISBN13', 'isbn', 0),
    column('Name, "short"', null),
    column('Title', 'title'),
    column('Title', null),
  ]
  assert.equal(mapOf(columns, choiceOf(columns)), 'isbn=#2,isbn=#1,title=#4,none=#3,none=#5')
  const choice = [...choiceOf(columns)]
  choice[2] = 'title'
  choice[3] = null
  assert.equal(mapOf(columns, choice), 'isbn=#2,isbn=#1,title=#3,none=#4,none=#5')
})
