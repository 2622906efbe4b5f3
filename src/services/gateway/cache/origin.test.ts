import assert from 'node:assert/strict'
import { test } from 'node:test'
import { book, openShop } from '../../../../test/support/cached-shop.ts'
import { json, rawExchange, until } from '../../../../test/support/gateway.ts'

test('a catalogue that hangs is asked nothing more once that was noticed, and soon again when it is back', async (t) => {
  let isFrozen = false
  const { get, upstream } = await openShop(t, (_incoming, response) => {
    if (!isFrozen) json(response, 200, {})
  })
  assert.equal((await get(book)).code, 200)
  isFrozen = true
  const isRefused = ({ code }: { code: number }) => code === 503 || code === 504
  assert.ok(isRefused(await get('/api/books?q=first')))
  const asked = () => upstream.requests.filter(({ url }) => url !== '/livez').length
  const before = asked()
  for (let i = 0; i < 20; i++) assert.ok(isRefused(await get(`/api/books?q=${i}`)))
  assert.equal(asked(), before)
  isFrozen = false
  await until(async () => (await get('/api/books?q=back')).code === 200)
})

test('an address goes to the catalogue as it was written', async (t) => {
  const { gateway, upstream } = await openShop(t)
  for (const target of ['/api/books/..\\..\\livez', '/api/books/%2e%2e', '/api/books/..', '/api/books/a\\b'])
    await rawExchange(gateway.url, `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  const elsewhere = upstream.requests.filter(({ url }) => !/^\/api\/books\/./.test(url ?? ''))
  assert.deepEqual(
    elsewhere.map(({ url }) => url),
    [],
  )
})
