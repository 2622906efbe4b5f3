import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agoText } from './age-text.ts'
import { troubleOf } from './database-trouble.ts'

const now = Date.parse('2026-11-29T12:00:00Z')
const server = (name: string, state: 'primary' | 'replica' | 'away', lagSeconds: number | null = 0) => {
  return { server: name, state, lagSeconds, lagBytes: 0 }
}
const archive = { reachesTo: '2026-11-29T11:59:58Z', baseAt: null, problem: null }
const well = {
  ...{ name: 'book-db', timeline: 1, lastFailoverAt: null, archive },
  servers: [server('a', 'primary'), server('b', 'replica', 0.2)],
}

test('a database whose servers and archive are well is no trouble', () => {
  assert.equal(troubleOf(well, now), undefined)
  assert.equal(troubleOf({ ...well, archive: null }, now), undefined)
})

test('a primary that is missing, servers that are away or late, and an archive that fails are told in one sentence', () => {
  const servers = [server('a', 'away', null), server('b', 'replica', 60), server('c', 'away', null)]
  assert.equal(
    troubleOf({ ...well, servers, archive: { ...archive, problem: 'no space left' } }, now),
    'No server is its primary, so that it takes no writes; a, c do not answer; b is more than ten seconds behind; its archive is not kept: no space left.',
  )
  assert.equal(
    troubleOf({ ...well, archive: { ...archive, reachesTo: '2026-11-29T11:50:00Z' } }, now),
    'Its archive stands still.',
  )
})

test('how long ago a moment was is told from the moment that the picture is of', () => {
  assert.equal(agoText('2026-11-29T11:59:58Z', '2026-11-29T12:00:00Z'), '2 s ago')
  assert.equal(agoText('2026-11-29T11:30:00Z', '2026-11-29T12:00:00Z'), '30 min ago')
})
