import assert from 'node:assert/strict'
import { test } from 'node:test'
import { search } from './client.ts'
import { ApiProblem, problemOf, readRetryAfter } from './problem.ts'

test('a problem keeps its kind, its own members and when to come back', async () => {
  const lines = [{ isbn: '9780141439518', requested: 3, available: 1 }]
  const problem = await problemOf(
    answer(409, {
      type: 'https://octavo.example/problems/out-of-stock',
      title: 'Out of stock',
      status: 409,
      lines,
    }),
  )
  assert.equal(problem.kind, 'out-of-stock')
  assert.deepEqual(problem.shortLines, lines)
  assert.equal(problem.isPassing, false)
  const busy = await problemOf(
    answer(503, { type: 'x/unavailable', detail: 'Away.' }, { 'retry-after': '2' }),
  )
  assert.equal(busy.retryAfterMs, 2000)
  assert.equal(busy.isPassing, true)
})

test('wrong fields are named with dots, the first message of each', async () => {
  const errors = [
    { field: '/customer/email', message: 'is not an address' },
    { field: 'customer.email', message: 'second' },
    { field: 'lines/0/quantity', message: 'is too many' },
  ]
  const problem = await problemOf(answer(400, { type: 'x/invalid-request', errors }))
  assert.deepEqual(problem.fieldErrors, {
    'customer.email': 'is not an address',
    'lines.0.quantity': 'is too many',
  })
})

test('a page of a proxy in between is a problem as well', async () => {
  const problem = await problemOf(new Response('<h1>Bad gateway</h1>', { status: 502 }))
  assert.equal(problem.status, 502)
  assert.equal(problem.isPassing, true)
  assert.equal(problem.message.includes('<'), false)
})

test('Retry-After is read as seconds and as a date', () => {
  const now = Date.parse('2026-11-20T12:00:00Z')
  assert.equal(readRetryAfter('3', now), 3000)
  assert.equal(readRetryAfter('Fri, 20 Nov 2026 12:00:05 GMT', now), 5000)
  assert.equal(readRetryAfter('soon', now), undefined)
  assert.equal(readRetryAfter(null, now), undefined)
})

test('no answer at all may be tried again', () => {
  assert.equal(ApiProblem.local('timeout').isPassing, true)
})

test('a query leaves out what is not asked', () => {
  assert.equal(
    search({ q: 'de profundis', subject: undefined, limited: true, cursor: '' }),
    '?q=de+profundis&limited=true',
  )
  assert.equal(search({}), '')
})

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  const all = { 'content-type': 'application/problem+json', ...headers }
  return new Response(JSON.stringify(body), { status, headers: all })
}
