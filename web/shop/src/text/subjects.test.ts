import assert from 'node:assert/strict'
import { test } from 'node:test'
import { categoryName, mainCategories, subjectName } from './subjects.ts'

test('a code without a heading is shown with its main category, and words as they are', () => {
  const details = {
    subjects: [
      { scheme: '93', code: 'FBA' },
      { scheme: '93', code: 'NHD', heading: 'European history' },
      { scheme: '12', code: 'HBJD' },
      { scheme: '94', code: '1DFG' },
      { scheme: '93', code: 'ART' },
    ],
  }
  assert.equal(subjectName('FBA', details), 'Fiction (FBA)')
  assert.equal(subjectName('European history', details), 'European history')
  assert.equal(subjectName('HBJD', details), 'Humanities (HBJD)')
  assert.equal(subjectName('1DFG', details), '1DFG')
  assert.equal(subjectName('FIC028000'), 'Fiction (FIC028000)')
  assert.equal(subjectName('ZZZ000000'), 'ZZZ000000')
  assert.equal(subjectName('USA'), 'USA')
})

test('a category of Thema is called in plain words, and a book is in those of its own codes', () => {
  assert.deepEqual(['F', 'fba', '1DDU'].map(categoryName), ['Fiction', 'Fiction (FBA)', 'Thema 1DDU'])
  const subjects = [
    { scheme: '93', code: 'FBA' },
    { scheme: '93', code: 'FFC' },
    { scheme: '93', code: 'NHD', heading: 'European history' },
    { scheme: '94', code: '1DFG' },
    { scheme: '10', code: 'ART000000' },
  ]
  assert.deepEqual(mainCategories({ subjects }), ['F', 'N'])
  assert.deepEqual(mainCategories(undefined), [])
})
