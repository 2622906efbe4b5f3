import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deadUrl, json, rawExchange, startGateway, startUpstream } from '../../../../test/support/gateway.ts'
import { shopPages } from './shop-pages.ts'

const source = (path: string) =>
  readFile(new URL(`../../../../web/shop/src/${path}`, import.meta.url), 'utf8')

test('the gateway knows the pages that the shop and the console route', async () => {
  const routed = async (file: string, mount: string) =>
    [...(await source(file)).matchAll(/^\s+path: '([^']*)'|\{ path: '([^']*)'/gm)]
      .map(([, own, inline]) => own ?? inline ?? '')
      .filter((path) => path !== mount && path !== '/' && !path.includes('*'))
      .map((path) => path.replace(`${mount}/`, ''))
      .sort()
  assert.deepEqual(await routed('router.ts', '/shop'), [...shopPages['/shop']].sort())
  assert.deepEqual(await routed('console/routes.ts', '/console'), [...shopPages['/console']].sort())
})

test('a page that the shop has not and a book that it does not know are 404, with the shop to say so', async (t) => {
  const known = '9780141439518'
  const catalog = await startUpstream(t, (request, response) => {
    if (request.url?.includes(known))
      json(response, 200, { isbn: known, available: 1, status: 'low', asOf: '' })
    else {
      response.writeHead(404, { 'content-type': 'application/problem+json' })
      response.end(
        JSON.stringify({ type: 'https://octavo.example/problems/not-found', status: 404, title: '' }),
      )
    }
  })
  const shop = await mkdtemp(join(tmpdir(), 'octavo-shop-'))
  t.after(() => rm(shop, { recursive: true }))
  await writeFile(join(shop, 'index.html'), '<title>Shop</title>')
  const roots = { site: shop, shop, docs: shop }
  const gateway = await startGateway(t, `catalog=${catalog.url}`, { roots })
  const pages: [string, number][] = [
    ['/shop/', 200],
    ['/shop/cart', 200],
    ['/shop/cart/', 200],
    ['/shop/orders/01a22848', 200],
    ['/console/reports/sales-by-day', 200],
    [`/shop/books/${known}`, 200],
    ['/shop/books/978-0-14-143951-8', 200],
    ['/shop/books/9780140449266', 404],
    ['/shop/books/9780140449267', 404],
    ['/shop/books/', 404],
    ['/shop/nope', 404],
    ['/shop/cart/nope', 404],
    ['/shop/assets/', 404],
    ['/shop/../api/books', 404],
    ['/console/nope', 404],
  ]
  for (const [path, status] of pages) {
    const request = `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`
    const answer = await rawExchange(gateway.url, request)
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} [^]*<title>Shop`), path)
  }
  const alone = await startGateway(t, `catalog=${await deadUrl()}`, { roots })
  assert.equal((await fetch(`${alone.url}/shop/books/9780140449266`)).status, 200)
})
