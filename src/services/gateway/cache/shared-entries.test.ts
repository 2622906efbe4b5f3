import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCache } from '#ports/cache'
import { systemClock } from '#ports/clock'
import { book, edit, isbn, movable, openShop } from '../../../../test/support/cached-shop.ts'
import { json, until } from '../../../../test/support/gateway.ts'
import { redisMissing, startRedis } from '../../../../test/support/redis.ts'
import { staleMs } from './ages.ts'

test('gateways share what they fetched, and a wrong entry there is gone within seconds', {
  skip: redisMissing(),
}, async (t) => {
  const redis = await startRedis(t)
  const cacheUrl = `redis://127.0.0.1:${redis.port}`
  const shop = await openShop(t, undefined, cacheUrl)
  const cache = await openCache(cacheUrl)
  t.after(() => cache[Symbol.asyncDispose]())
  await until(async () => {
    await shop.get(book)
    return (await cache.read(book)) !== undefined
  }, 'it is shared')
  const other = await openShop(t, (_request, response) => json(response, 500, {}), cacheUrl, shop.clock)
  await until(async () => (await other.get(book)).code === 200, 'the other one answers from it')
  assert.match((await other.get(book)).text, /"1"|isbn/)
  const right = Buffer.from((await cache.read(book)) ?? [])
  await cache.write(
    book,
    Buffer.from(right.toString('latin1').replace(/"isbn":"\d/, '"isbn":"X'), 'latin1'),
    60_000,
  )
  shop.clock.ahead(staleMs)
  assert.doesNotMatch((await shop.get(book)).text, /"isbn":"X/)
  await cache.write(book, Buffer.from('no entry at all'), 60_000)
  shop.clock.ahead(staleMs + 60_000)
  assert.equal((await shop.get(book)).code, 200)
  await redis.kill()
  shop.clock.ahead(60_000)
  assert.equal((await shop.get(book)).code, 200, 'a dead cache costs nobody an answer')
})

test('an entry of the shared level that is of another page, or that nobody could be sent, is shown to nobody', {
  skip: redisMissing(),
}, async (t) => {
  const redis = await startRedis(t)
  const cacheUrl = `redis://127.0.0.1:${redis.port}`
  const shop = await openShop(t, undefined, cacheUrl, movable(systemClock.now()))
  const cache = await openCache(cacheUrl)
  t.after(() => cache[Symbol.asyncDispose]())
  const other = '/api/books/9780000000002'
  await until(async () => {
    shop.clock.ahead(staleMs)
    await shop.get(other)
    return (await cache.read(other)) !== undefined
  }, 'it is shared')
  const text = Buffer.from((await cache.read(other)) ?? []).toString('latin1')
  await cache.write(book, Buffer.from(text, 'latin1'), 60_000)
  assert.ok((await shop.get(book)).text.includes(`"path":"${book}"`))
  shop.clock.ahead(staleMs)
  const ofNow = text.replaceAll(other, book).replace(/"madeAtMs":\d+/, `"madeAtMs":${shop.clock.now()}`)
  // As JSON escapes it, and as long as what it takes the place of.
  await cache.write(book, Buffer.from(ofNow.replace('application', 'applica\\r\\n'), 'latin1'), 60_000)
  for (const asked of ['at first', 'and again']) assert.equal((await shop.get(book)).code, 200, asked)
})

test('with a shared level, what was changed or is not there is asked for without waiting', {
  skip: redisMissing(),
}, async (t) => {
  const redis = await startRedis(t)
  const { gateway, get } = await openShop(
    t,
    (incoming, response) => json(response, incoming.url === book ? 200 : 404, { isbn }),
    `redis://127.0.0.1:${redis.port}`,
  )
  await get(book)
  await until(
    async () => /nodes_up 1/.test(await (await fetch(`${gateway.url}/metrics`)).text()),
    'Redis is used',
  )
  let waitedMs = 0
  for (let i = 0; i < 10; i++) {
    await edit(gateway.url)
    const sinceMs = performance.now()
    await get(book)
    await get('/api/books/9780000000002')
    waitedMs += performance.now() - sinceMs
  }
  assert.ok(waitedMs < 2_000, `20 answers took ${waitedMs} ms`)
})

test('with a shared level, who waits for an answer of before an edit to end asks again at once', {
  skip: redisMissing(),
}, async (t) => {
  const redis = [await startRedis(t), await startRedis(t)]
  const { gateway, get } = await openShop(
    t,
    async (incoming, response) => {
      if (incoming.method === 'GET') await systemClock.sleep(30)
      json(response, 200, { isbn })
    },
    `redis://${redis.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
  )
  await until(
    async () => /nodes_up 2/.test(await (await fetch(`${gateway.url}/metrics`)).text()),
    'Redis is used',
  )
  let waitedMs = 0
  for (let i = 0; i < 20; i++) {
    await edit(gateway.url)
    const before = get(book)
    await systemClock.sleep(10)
    await edit(gateway.url)
    const sinceMs = performance.now()
    await Promise.all([before, get(book)])
    waitedMs += performance.now() - sinceMs
  }
  assert.ok(waitedMs < 4_000, `20 answers took ${waitedMs} ms`)
})
