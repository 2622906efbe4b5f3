import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestScope, testDatabase } from '../../../../test/support/database.ts'
import { mariadbSkipped, testMariadb } from '../../../../test/support/mariadb.ts'
import { openStore } from '../store/open-store.ts'
import { add, entryFor, hold } from '../store/suite/suite-books.ts'
import { copyCatalog, sumsOf } from './copy-catalog.ts'

const skip = mariadbSkipped

async function opened(t: TestScope, { url }: { url: string }) {
  const store = await openStore(url, { applicationName: 'copy' })
  t.after(() => store[Symbol.asyncDispose]())
  await store.migrate()
  return store
}

test('a catalogue is copied to the other kind of database and back, with stock and ledger', {
  skip,
}, async (t) => {
  const first = await opened(t, await testDatabase(t, 'copy_from', 'books'))
  const second = await opened(t, await testMariadb(t, 'copy_to'))
  const third = await opened(t, await testDatabase(t, 'copy_back', 'books'))
  const odd = { title: `it's “Ünï” 書 𠀀 \\ {a}`, subjects: ['a,b', '書'], language: 'en-GB', limited: true }
  const entries = Array.from({ length: 30 }, (_, i) => entryFor(i, i % 3 === 0 ? odd : {}))
  await add(first, ...entries.map((entry, i) => ({ ...entry, copies: i })))
  const pictured = entryFor(40, { cover: `/api/books/${entryFor(40).isbn}/picture?v=1` })
  await add(first, pictured)
  const picture = { type: 'image/png', bytes: Buffer.from([1, 255]), source: 'https://a.example/1.png' }
  await first.pictures.put(pictured.isbn, picture)
  await hold(first, entryFor(9).isbn, 3)
  await hold(first, entryFor(9).isbn, 2, 'sold')
  const there = await copyCatalog(first, second)
  const back = await copyCatalog(second, third)
  assert.deepEqual([there.kind, back.kind], ['equal', 'equal'])
  const { checksum, ...sums } = await sumsOf(third.transfer)
  assert.deepEqual(sums, { books: 31, movements: 31, copies: 435, held: 3, sold: 2 })
  assert.deepEqual(there, { kind: 'equal', sums: { checksum, ...sums } })
  assert.deepEqual((await third.audit.unbalanced()).found, [])
  assert.deepEqual(await third.pictures.find(pictured.isbn), picture)
  const { books } = await second.books.page({
    filter: { search: { kind: 'all' }, nowMs: 0, subject: '書' },
    order: 'title',
    limit: 100,
  })
  assert.equal(books.length, 10)

  assert.equal((await copyCatalog(first, second)).kind, 'refused', 'what is there is never written over')
  await hold(second, entryFor(20).isbn, 1)
  assert.notEqual((await sumsOf(second.transfer)).checksum, checksum, 'one copy more makes another checksum')
})
