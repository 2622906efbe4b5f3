import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDuck } from '../store/duck.ts'
import { within } from './report.ts'

test('a day begins where the shop’s clock first shows it, where midnight comes twice or not at all too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-days-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using duck = await openDuck({ folder })
  const days = [
    // The Azores put their clocks back from one o'clock to midnight, Beirut its own on from midnight to one.
    ['Atlantic/Azores', '2026-10-25', '2026-10-25 00:00:00', '2026-10-26 01:00:00'],
    ['Asia/Beirut', '2026-03-29', '2026-03-28 22:00:00', '2026-03-29 21:00:00'],
    ['America/New_York', '2026-11-01', '2026-11-01 04:00:00', '2026-11-02 05:00:00'],
    ['UTC', '2026-11-01', '2026-11-01 00:00:00', '2026-11-02 00:00:00'],
  ] as const
  for (const [timeZone, day, first, next] of days) {
    const inDay = within('moment', { timeZone, from: day, to: day, rowsMax: 1 })
    const [found] = await duck.rows(
      `SELECT min(moment)::VARCHAR AS first, max(moment)::VARCHAR AS last FROM (
         SELECT unnest([m - to_minutes(1), m]) AS moment FROM (VALUES (TIMESTAMP '${first}'), (TIMESTAMP '${next}')) AS v (m)
       ) WHERE ${inDay}`,
    )
    const [before] = await duck.rows(`SELECT (TIMESTAMP '${next}' - to_minutes(1))::VARCHAR AS last`)
    assert.deepEqual(found, { first, ...before }, `${timeZone} ${day}`)
  }
})
