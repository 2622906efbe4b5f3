import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '#ports/clock'
import { request } from '#ports/connections'
import { bookDbKind, openBookDb } from '../../../../test/support/book-db.ts'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { startGateway, until } from '../../../../test/support/gateway.ts'
import { freshMs } from './ages.ts'

const isbn = '9780141439518'

test('every gateway shows at once what was written through one of them, or by hand', async (t) => {
  const { first, second, database, write } = await openShop(t)
  await write('POST', '/api/books', { isbn, title: 'Old', price: { amount: 100, currency: 'EUR' } })
  const paths = [`/api/books/${isbn}`, '/api/books?limit=3']
  const show = async (text: string) => {
    for (const gateway of [first, second])
      for (const path of paths) {
        await until(async () => (await gateway.read(path)).text.includes(text), `${path} shows ${text}`)
        await until(async () => (await gateway.read(path)).isHit, `${path} is kept`)
      }
  }
  await show('"title":"Old"')
  await write('PATCH', `/api/books/${isbn}`, { title: 'Patched' })
  await show('"title":"Patched"')
  // MariaDB's store tells of what it writes itself.
  if (bookDbKind === 'postgres') {
    await database.execute(`UPDATE catalog.books SET title = 'By hand' WHERE isbn = $1`, [isbn])
    await show('"title":"By hand"')
  }
  await write('DELETE', `/api/books/${isbn}`)
  for (const gateway of [first, second])
    await until(async () => !(await gateway.read('/api/books?limit=3')).text.includes(isbn), 'it is gone')
})

/** So slow that no answer grows old while the test waits: what goes, goes because of the news. */
function slowed(): Clock {
  const begunMs = systemClock.now()
  return { ...systemClock, now: () => begunMs + (systemClock.now() - begunMs) / 40 }
}

async function openShop(t: TestContext) {
  const catalog = await testCatalog(t, 'news')
  const database = await openBookDb(catalog.databaseUrl)
  t.after(() => database[Symbol.asyncDispose]())
  const env = { OCTAVO_BROKER: 'memory:', OCTAVO_SECRET: 'a secret for tests' }
  const open = async () => {
    const overrides = { cachesReads: true, clock: slowed() }
    const gateway = await startGateway(t, `catalog=${catalog.url}`, overrides, env)
    return {
      url: gateway.url,
      async read(path: string) {
        const answer = await request(gateway.url + path)
        const age = Number(answer.headers.age ?? 0)
        assert.ok(age * 1_000 < freshMs, 'no answer may have gone because of its age')
        return { text: await answer.body.text(), isHit: /hit/.test(String(answer.headers['cache-status'])) }
      },
    }
  }
  const [first, second] = [await open(), await open()]
  const write = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) => {
    const headers = { authorization: 'Bearer manager', 'content-type': 'application/json' }
    const { 'content-type': _, ...bare } = headers
    const answer = await request(first.url + path, {
      method,
      ...(body === undefined ? { headers: bare } : { headers, body: JSON.stringify(body) }),
    })
    assert.ok(answer.statusCode < 300, `${answer.statusCode} ${await answer.body.text()}`)
  }
  return { first, second, database, write }
}
