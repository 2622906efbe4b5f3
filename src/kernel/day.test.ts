import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDay } from './day.ts'

test('a day is one of the calendar', () => {
  for (const day of ['2026-02-28', '2028-02-29', '0001-01-01']) assert.ok(isDay(day), day)
  for (const text of ['2026-02-29', '2026-13-01', '2026-2-1', '2026-02-28T00:00', 'today', ''])
    assert.ok(!isDay(text), text)
})
