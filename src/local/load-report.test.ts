import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentiles, reportOf, reportPage, reportText } from './load-report.ts'

const answers = Array.from({ length: 100 }, (_, i) => ({
  ...{ kind: 'reserve' as const, atMs: i * 20, tookMs: i + 1 },
  status: i < 90 ? 201 : 409,
}))
const run = { answers, receipts: [], wrong: [], unchecked: [], gone: 0 }

test('percentiles are of the nearest rank', () => {
  assert.deepEqual(percentiles([1]), { p50: 1, p95: 1, p99: 1, max: 1 })
  assert.deepEqual(reportOf(run), [
    { kind: 'reserve', requests: 100, p50: 50, p95: 95, p99: 99, max: 100, statuses: '201: 90, 409: 10' },
  ])
})

test('the report is a table, and a page with a mark for each reservation', () => {
  assert.match(reportText(run), /reserve +100 +50 +95 +99 +100 +201: 90, 409: 10/)
  const page = reportPage(run, 'A drop')
  assert.equal(page.match(/<circle /g)?.length, 100)
  assert.equal(page.match(/<rect /g)?.length, 2)
})

test('a hundred thousand readers fit onto the page', () => {
  const many = Array.from({ length: 250_000 }, (_, i) => ({
    ...{ kind: 'reserve' as const, atMs: i / 10, tookMs: 1 },
    status: 201,
  }))
  assert.match(reportPage({ ...run, answers: many }, 'A drop'), /10000 at most/)
})
