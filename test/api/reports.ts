import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/until.ts'
import { accepted, refused } from './client.ts'
import type { Shop } from './shop.ts'

const loadedWithinMs = 120_000

/** What the warehouse answers, once it has been loaded for the first time. */
export function reportSuite(shop: () => Shop): void {
  test('a report is read once the warehouse is loaded, and not again while it is the same', async () => {
    const token = shop().staff
    accepted(await shop().post('/api/reports/loads', { token }), 202)
    const isLoaded = async () => accepted(await shop().get('/api/reports', { token })).asOf !== null
    await until(isLoaded, 'the warehouse is loaded', loadedWithinMs)
    const [first] = accepted(await shop().get('/api/reports', { token })).items
    const read = await shop().get(`/api/reports/${first.name}`, { token })
    assert.equal(accepted(read).name, first.name)
    const headers = { 'if-none-match': read.headers.get('etag') ?? '' }
    assert.equal((await shop().get(`/api/reports/${first.name}`, { token, headers })).status, 304)
    refused(await shop().get('/api/reports/no-such-report', { token }), 404)
    const wrong = [
      'revenue?from=2026-02-31',
      'revenue?from=2026-02-28&isbn=9780141439518',
      'stock?to=2026-02-28',
      'today?from=2026-02-28',
      'stock?bom=true',
      'stock?format=csv&limit=5',
      'stock?day=2026-02-28',
    ]
    for (const each of wrong) refused(await shop().get(`/api/reports/${each}`, { token }), 400)
    const file = await shop().get('/api/reports/stock?format=csv&bom=true', { token })
    assert.equal(file.status, 200)
    const days = 'from=2026-02-28&to=2028-02-29&limit=5'
    accepted(await shop().get(`/api/reports/revenue?${days}`, { token }))
  })

  test('the warehouse is asked by SQL, by managers and operators, and what it cannot run is 422', async () => {
    const token = shop().staff
    const ask = (sql: string, as: { token?: string } = { token }) =>
      shop().post('/api/reports/queries', { ...as, body: { sql } })
    assert.deepEqual(accepted(await ask('SELECT 1 AS one')).rows, [[1]])
    const long = `SELECT length('${'x'.repeat(19_900)}') AS many`
    assert.deepEqual(accepted(await ask(long)).rows, [[19_900]], 'as long as it may be')
    refused(await ask('SELECT nothing FROM nowhere'), 422)
    refused(await ask('SELECT 1', {}), 401)
  })
}
