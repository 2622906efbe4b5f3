import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rejectedCsv } from './rejected-csv.ts'

test('rejected records become CSV, with quotes where they are needed and no formulas', () => {
  const csv = rejectedCsv([
    { record: 1, line: 2, field: 'isbn', message: 'has a wrong check digit: 4 should be 7' },
    { record: 2, message: 'says "no", twice' },
    { record: 3, line: 9, message: '=HYPERLINK("http://x")' },
  ])
  assert.equal(
    csv,
    'record,line,field,message\r\n1,2,isbn,has a wrong check digit: 4 should be 7\r\n2,,,"says ""no"", twice"\r\n' +
      `3,9,,"'=HYPERLINK(""http://x"")"\r\n`,
  )
})
