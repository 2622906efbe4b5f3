import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf } from './routes.ts'

test('a transaction that was prepared before is begun again; what the stock row refuses is said', () => {
  assert.equal(refusalOf({ kind: 'unique', constraint: '' }).status, 503)
  const refused = refusalOf({ kind: 'check', constraint: 'stock_never_oversold' })
  assert.equal(refused.status, 409)
  assert.match(refused.message, /stock_never_oversold/)
})
