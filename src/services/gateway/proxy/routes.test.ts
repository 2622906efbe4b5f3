import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyBytesMaxDefault } from '#kernel/body-limits'
import type { Route } from '#kernel/contract'
import { publicRoutes, routedRoles } from '#roles'
import { listInstances } from '#services/registry'
import { importBytesMax, publicTable, routingTable, type UpstreamTarget } from './routes.ts'

const table = publicTable(routedRoles)
const find = (method: string, path: string) => {
  const found = table.find(method, path)
  return found.kind === 'found' && found.target.kind === 'upstream' ? found.target : undefined
}

test('every public route leads somewhere', () => {
  for (const { method, path } of publicRoutes)
    assert.equal(table.find(method, path.replaceAll(/\{\w+\}/g, 'x')).kind, 'found', `${method} ${path}`)
})

test('each part of the API goes to the service that owns it', () => {
  const services: [string, string, string][] = [
    ['POST', '/api/orders', 'coordinator'],
    ['PUT', '/api/books/9780141439518/stock', 'coordinator'],
    ['GET', '/api/books', 'catalog'],
    ['HEAD', '/api/books/9780141439518', 'catalog'],
    ['GET', '/api/books/9780141439518/cover.svg', 'catalog'],
    ['POST', '/api/imports', 'catalog'],
    ['GET', '/api/orders', 'orders'],
    ['GET', '/api/orders/1', 'orders'],
    ['POST', '/api/vouchers/1/redeem', 'orders'],
    ['GET', '/api/voucher-key', 'orders'],
    ['DELETE', '/api/session', 'orders'],
    ['GET', '/api/files/vouchers%2F1%2F2.pdf', 'vouchers'],
  ]
  for (const [method, path, service] of services)
    assert.equal(find(method, path)?.service, service, `${method} ${path}`)
})

test('only imports may be large, and only orders stick to a title', () => {
  assert.equal(find('POST', '/api/imports')?.bodyBytesMax, importBytesMax)
  assert.equal(find('POST', '/api/orders')?.bodyBytesMax, bodyBytesMaxDefault)
  assert.equal(find('POST', '/api/orders')?.sticksToTitle, true)
  assert.equal(find('PUT', '/api/books/1/stock')?.sticksToTitle, false)
})

test('an internal route cannot be put into the table', () => {
  const target = { kind: 'upstream' } as UpstreamTarget
  assert.throws(() => routingTable([[listInstances as Route, target]]), /must not be reachable/)
})
