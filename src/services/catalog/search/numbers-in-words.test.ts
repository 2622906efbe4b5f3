import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withNumbersTurned } from './numbers-in-words.ts'

test('numbers are read in words and in digits, years by their centuries', () => {
  const cases: [string, string | undefined][] = [
    ['1984', 'nineteen eighty four'],
    ['nineteen eighty four', '1984'],
    ['one thousand nine hundred and eighty four', '1984'],
    ['catch 22', 'catch twenty two'],
    ['catch twenty two', 'catch 22'],
    ['fahrenheit four fifty one', 'fahrenheit 451'],
    ['fahrenheit 451', 'fahrenheit four fifty one'],
    ['2001 a space odyssey', 'two thousand one a space odyssey'],
    ['two thousand and one a space odyssey', '2001 a space odyssey'],
    ['nineteen oh five', '1905'],
    ['one hundred years of solitude', '100 years of solitude'],
    ['nineteen hundred', '1900'],
    ['the two towers', undefined],
    ['9780439554930', undefined],
    ['', undefined],
  ]
  for (const [text, turned] of cases)
    assert.equal(withNumbersTurned(text.split(' '))?.join(' '), turned, text)
})
