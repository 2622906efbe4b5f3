import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrongIn } from './alarms.ts'

test('what is wrong with a business is read from its numbers, and what is not there is not nothing', () => {
  const numbers = (oversold: string, unmatched: string, wait = '60') =>
    `# HELP octavo_oversold_titles Titles\n${oversold}\noctavo_other 7\n${unmatched}\noctavo_voucher_oldest_wait_seconds ${wait}\n`
  assert.deepEqual(wrongIn(numbers('octavo_oversold_titles 0', 'octavo_unmatched_captures 0')), [])
  const several = 'octavo_oversold_titles{instance="a"} 0 1700\noctavo_oversold_titles{instance="b"} 2 1700'
  assert.deepEqual(wrongIn(numbers(several, 'octavo_unmatched_captures 0')), ['2 titles are oversold'])
  assert.deepEqual(wrongIn(numbers('octavo_oversold_titles 1', 'octavo_unmatched_captures 3')), [
    '1 titles are oversold',
    '3 payments belong to no order',
  ])
  assert.deepEqual(wrongIn(numbers('octavo_oversold_titles 0', 'octavo_unmatched_captures 0', '60.5')), [
    'a voucher waits for over a minute',
  ])
  for (const other of [
    numbers('octavo_oversold_titles 0', 'octavo_unmatched_captures 0', 'NaN'),
    numbers('', 'octavo_unmatched_captures 0'),
    numbers('octavo_oversold_titles 0', ''),
    '',
  ])
    assert.equal(wrongIn(other), undefined)
})
