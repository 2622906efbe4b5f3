import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../../../../test/support/random-from.ts'
import { keysOf } from './book-keys.ts'
import { fold, foldTitle, wordsOf } from './fold.ts'

test('text is folded to what readers mean by it', () => {
  const folded: Record<string, string> = {
    'Pride & Prejudice': 'pride and prejudice',
    "L'Étranger": 'l etranger',
    "Don't, the King’s": 'dont the kings',
    'J. R. R. Tolkien / J.R.R. / JRR': 'jrr tolkien jrr jrr',
    'Ærø, Łódź und Straße': 'aero lodz und strasse',
    İSTANBUL: 'istanbul',
    'ΟΔΥΣΣΕΥΣ, Οδυσσεύς': 'οδυσσευσ οδυσσευσ',
    'Ёлка и Йод': 'елка и йод',
    三体: '三 体',
    ノルウェイの森: 'ノ ル ウ ェ イ の 森',
    हिन्दी: 'हिन्दी',
    한국어: '한국어',
    '١٩٨٤ ۱۹۸۴ १९८४ １９８４ 𝟙': '1984 1984 1984 1984 1',
    'ﬁn² ①': 'fin2 1',
    '📚️ !!!': '',
    '  catch 22 ': 'catch 22',
  }
  for (const [text, expected] of Object.entries(folded)) {
    assert.equal(fold(text), expected, text)
    assert.equal(fold(expected), expected, `${text}, folded again`)
  }
})

test('a title is sorted by what stands before its series, and by no more than an index takes', () => {
  assert.equal(foldTitle('Dune (Dune Chronicles, #1)'), 'dune')
  assert.equal(foldTitle('(Untitled)'), 'untitled')
  assert.equal([...foldTitle('𠀀'.repeat(300))].length, 200)
  assert.deepEqual(
    wordsOf(fold(`${'x'.repeat(70)} y`)).map((word) => word.length),
    [64, 1],
  )
  assert.deepEqual(wordsOf(''), [])
})

test('a book is sorted by its date, whether it has a day, a month, a year or none', () => {
  const book = { title: 'T', subtitle: null, contributors: [], subjects: [], language: 'en-GB' }
  const dates = [null, '-0720', '-0043-03-15', '1965', '1965-08', '1965-08-01', '2001']
  const keys = dates.map((publishedOn) => keysOf('9780441172719', { ...book, publishedOn }))
  const numbers = keys.map((each) => each.publishedOn)
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  )
  assert.deepEqual([new Set(numbers).size, keys[0]?.language], [dates.length, 'en'])
  assert.deepEqual(keys[0]?.words.at(-2), { weight: 'subject', words: ['9780441172719', '044117271'] })
})

test('text of ASCII alone is folded as it is beside other letters', () => {
  const pieces = [
    'J.',
    'R',
    'R.',
    "don't",
    "king's",
    "'ve",
    '`t',
    '&',
    'A',
    'b_c',
    '_s',
    '1',
    '2 3',
    '\t',
    '--',
    '(',
    '#',
    "'re_",
  ]
  const random = randomFrom(7)
  for (let i = 0; i < 5_000; i++) {
    const text = Array.from({ length: 1 + Math.floor(random() * 8) }, () => {
      const piece = pieces[Math.floor(random() * pieces.length)] ?? ''
      return random() < 0.5 ? piece : `${piece} `
    }).join('')
    assert.equal(`${fold(text)} eee`.trim(), fold(`${text} ééé`), text)
  }
})
