import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTime } from './read-values.ts'

test('a time without an offset is UTC, in whichever zone the server is', (t) => {
  const zone = process.env.TZ
  process.env.TZ = 'America/New_York'
  t.after(() => {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  })
  assert.equal(new Date('2026-12-01T10:00').getUTCHours(), 15)
  const times: [string, string][] = [
    ['2026-12-01', '2026-12-01T00:00:00.000Z'],
    ['2026-12-01 10:00', '2026-12-01T10:00:00.000Z'],
    ['2026-12-01T10:00:30', '2026-12-01T10:00:30.000Z'],
    ['2026-12-01T10:00:00z', '2026-12-01T10:00:00.000Z'],
    ['2026-12-01 10:00:00.5 +0100', '2026-12-01T09:00:00.500Z'],
    ['2026-12-01T10:00-05:00', '2026-12-01T15:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ]
  for (const [text, value] of times) assert.deepEqual(readTime(text), { kind: 'ok', value }, text)
})

test('a time on a day that no calendar has, or in no known form, is refused', () => {
  for (const text of [
    '2026-02-30',
    '2026-02-30T10:00:00Z',
    '2026-02-29 10:00',
    '2026-12-01T25:00',
    '2026-12-01 noon',
    '',
  ])
    assert.deepEqual(readTime(text), {
      kind: 'error',
      message: `"${text}" is not a time such as 2026-12-01T10:00:00Z`,
    })
})
