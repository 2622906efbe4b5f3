import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '#ports/database'
import { catalogueChangedTopic } from '#services/catalog'
import { testDatabase } from '../../../../../test/support/database.ts'
import { add, entryFor, hold } from '../suite/suite-books.ts'
import { openStore } from './open.ts'

test('each write of books tells of them once, in its transaction, and one of many tells of all', async (t) => {
  const { store, database, told } = await openBooks(t)
  const isbns = [1, 2, 3].map((i) => entryFor(i).isbn)
  await add(store, ...[1, 2, 3].map((i) => ({ ...entryFor(i), copies: 5 })))
  assert.deepEqual(await told(), [isbns], 'a batch is told of as one')
  await store.books.change(async (changes) => {
    await changes.lock(isbns)
    await changes.replace([entryFor(1, { title: 'Other' }), entryFor(2)])
  })
  assert.deepEqual(await told(), [[isbns[0]]], 'what stays as it is, is not told of')
  const failing = store.books.change(async (changes) => {
    await changes.replace([entryFor(1, { title: 'Never' })])
    throw new Error('no')
  })
  await assert.rejects(failing, /no/)
  await store.books.change(async (changes) => {
    await changes.replace([entryFor(1, { title: 'Other' })])
  })
  await hold(store, entryFor(2).isbn, 1)
  assert.deepEqual(await told(), [], 'nor what was rolled back, nor stock')
  await store.books.change(async (changes) => {
    const book = await changes.lockWithStock(entryFor(3).isbn)
    assert.ok(book)
    await changes.remove(book)
  })
  assert.deepEqual(await told(), [[isbns[2]]])
  await add(store, ...Array.from({ length: 98 }, (_, i) => entryFor(100 + i)))
  assert.equal((await told())[0]?.length, 98)
  await database.execute(`UPDATE catalog.books SET publisher = 'Somebody' WHERE isbn <> $1`, [isbns[0]])
  assert.equal((await told())[0]?.length, 99)
  await add(store, entryFor(200), entryFor(201))
  await told()
  await database.execute(`UPDATE catalog.books SET publisher = 'Somebody else'`)
  assert.deepEqual(await told(), [null], 'of more than a hundred none is named')
  await database.execute('TRUNCATE catalog.books CASCADE')
  assert.deepEqual(await told(), [null])
})

async function openBooks(t: TestContext) {
  const { url } = await testDatabase(t, 'book_news')
  const database = await openDatabase(url, { applicationName: 'test' })
  const store = await openStore(url, { applicationName: 'test' })
  t.after(async () => {
    await store[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })
  await store.migrate()
  return {
    ...{ store, database },
    async told() {
      const rows = await database.query<{ isbns: string[] | null }>(
        `WITH taken AS (DELETE FROM catalog.outbox RETURNING id, topic, payload)
         SELECT payload::jsonb -> 'isbns' AS isbns FROM taken WHERE topic = $1 ORDER BY id`,
        [catalogueChangedTopic],
      )
      return rows.map(({ isbns }) => isbns?.toSorted() ?? null)
    },
  }
}
