import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPlainBook, openBookDb } from '../../../../../test/support/book-db.ts'
import { mariadbSkipped, testMariadb } from '../../../../../test/support/mariadb.ts'
import { openStore } from '../open-store.ts'

const isbns = ['9780141439518', '9780441172719'] as const

test('two edits that lock each other out are both made, the one that the server undid a second time', {
  skip: mariadbSkipped,
}, async (t) => {
  const { url } = await testMariadb(t, 'deadlock')
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  await using database = await openBookDb(url)
  for (const isbn of isbns) await addPlainBook(database, { isbn })
  const [a, b] = isbns
  const bothHaveOne = Promise.withResolvers<void>()
  let runs = 0
  const edit = (first: string, second: string) =>
    store.books.change(async (changes) => {
      await changes.lock([first])
      if (++runs === 2) bothHaveOne.resolve()
      await bothHaveOne.promise
      const books = await changes.lock([second])
      return books.get(second)?.isbn
    })
  assert.deepEqual(await Promise.all([edit(a, b), edit(b, a)]), [b, a])
  assert.equal(runs, 3)
})
