import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '#ports/clock'
import type { ImportReport } from '#services/catalog'
import { completed } from '../../books/book-fields.ts'
import { fieldsOf } from '../../books/book-row.ts'
import { entryOf, themaWord } from '../../search/book-keys.ts'
import { readSearch } from '../../search/search.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { TestScope } from './stock-suite.ts'
import { add, entryFor } from './suite-books.ts'

/** What catalogues of the trade tell and imports leave behind. */
export function testTradeStore(
  name: string,
  open: (t: TestScope) => Promise<readonly [CatalogStore, CatalogStore]>,
): void {
  test(`${name}: a book without a known price, with periods and details is kept as it is written`, async (t) => {
    const [store] = await open(t)
    const { isbn } = entryFor(1)
    const fields = completed({
      title: 'Unpriced',
      price: null,
      prices: [{ amount: 5, currency: 'EUR', from: '2030-01-01T00:00:00.000Z' }],
      priceChangesAt: '2030-01-01T00:00:00.000Z',
      details: { pages: 3, accessibility: [{ code: '14', text: '書 \u{1f4d6}' }], height: 210.5 },
    })
    await add(store, { ...entryOf(isbn, fields), copies: 2, reason: 'suite' })
    const row = await store.books.find(isbn)
    assert.deepEqual(row && fieldsOf(row), fields)
    const again = await store.books.change(async (changes) => {
      const [before] = [...(await changes.lock([isbn])).values()]
      await changes.replace([entryOf(isbn, fields)])
      return before?.version
    })
    assert.equal((await store.books.find(isbn))?.version, again, 'the same again is no new version')
    const filter = { search: { kind: 'all' } as const, nowMs: Date.now() }
    assert.equal((await store.books.counts({ ...filter, available: true })).total, 0)
    assert.equal((await store.books.counts({ ...filter, minPrice: 0 })).total, 0)
  })

  test(`${name}: a category of Thema finds the codes below it, and words find none of them`, async (t) => {
    const [store] = await open(t)
    const coded = (i: number, ...codes: [scheme: string, code: string][]) => {
      const subjects = codes.map(([scheme, code]) => ({ scheme, code }))
      const fields = completed({ title: `Book ${i}`, price: null, details: { subjects } })
      return { ...entryOf(entryFor(i).isbn, fields), copies: 1, reason: 'suite' }
    }
    await add(
      store,
      coded(1, ['93', 'FBA'], ['94', '1DDU-GB']),
      coded(2, ['93', 'FB']),
      coded(3, ['93', 'FFC']),
    )
    await add(store, coded(4, ['10', 'FBA000000']), entryFor(5, { subjects: ['FBA'] }))
    const under = async (code: string, more = {}) => {
      const filter = { search: { kind: 'all' } as const, nowMs: 0, themaWord: themaWord(code), ...more }
      const page = await store.books.page({ filter, order: 'title', limit: 10 })
      assert.equal((await store.books.counts(filter)).total, page.books.length)
      return page.books.map(({ isbn }) => isbn).toSorted()
    }
    const isbns = (...which: number[]) => which.map((i) => entryFor(i).isbn).toSorted()
    assert.deepEqual(await under('F'), isbns(1, 2, 3))
    assert.deepEqual(await under('fb'), isbns(1, 2))
    assert.deepEqual(await under('FBA'), isbns(1))
    assert.deepEqual(await under('1DDU-GB'), isbns(1))
    assert.deepEqual(await under('1'), isbns(1))
    assert.deepEqual(await under('G'), [])
    assert.deepEqual(await under('F', { search: await readSearch(store.books, entryFor(3).isbn) }), isbns(3))
    const search = await readSearch(store.books, 'fba')
    assert.deepEqual(
      (await store.books.page({ filter: { search, nowMs: 0 }, order: 'title', limit: 10 })).books.map(
        ({ isbn }) => isbn,
      ),
      isbns(5),
    )
  })

  test(`${name}: a book has one picture, which goes with it`, async (t) => {
    const [store] = await open(t)
    const { isbn } = entryFor(1)
    await add(store, entryFor(1))
    const picture = { type: 'image/png', bytes: Buffer.from([0, 255, 1, 254]) }
    await store.pictures.put(isbn, { ...picture, type: 'image/jpeg', source: 'https://a.example/1' })
    await store.pictures.put(isbn, { ...picture, source: 'https://a.example/2' })
    await store.pictures.put(entryFor(2).isbn, { ...picture, source: 'https://a.example/3' })
    assert.deepEqual(await store.pictures.find(isbn), { ...picture, source: 'https://a.example/2' })
    assert.equal(await store.pictures.find(entryFor(2).isbn), undefined, 'of no book there is none')
    const isbns = [isbn, entryFor(2).isbn]
    assert.deepEqual([...(await store.pictures.sourcesOf(isbns))], [[isbn, 'https://a.example/2']])
    assert.equal((await store.pictures.sourcesOf([])).size, 0)
    await store.books.change(async (changes) => {
      const row = await changes.lockWithStock(isbn)
      if (row !== undefined) await changes.remove(row)
    })
    assert.equal(await store.pictures.find(isbn), undefined)
  })

  test(`${name}: copies owned are moved with their ledger, stock alone locked`, async (t) => {
    const [store] = await open(t)
    await add(store, { ...entryFor(1), copies: 3 }, { ...entryFor(2), copies: 0 })
    const isbns = [entryFor(2).isbn, entryFor(1).isbn, entryFor(3).isbn]
    await store.books.change(async (changes) => {
      const stock = await changes.lockStock(isbns)
      assert.deepEqual(
        [...stock.values()].map(({ copies, held, sold }) => [copies, held, sold]),
        [
          [3, 0, 0],
          [0, 0, 0],
        ],
      )
      assert.equal((await changes.lockStock([])).size, 0)
      const moves = [...stock.values()].map(({ isbn, copies }) => ({ isbn, copies: 5 - copies }))
      await changes.moveCopies(moves, 'suite')
    })
    const rows = await store.books.booksAfter('', 10)
    assert.deepEqual(
      rows.map(({ copies }) => copies),
      [5, 5],
    )
    assert.deepEqual((await store.audit.unbalanced()).found, [])
  })

  test(`${name}: prices that are due are told, the longest due first, and books are read in order`, async (t) => {
    const [store] = await open(t)
    const at = (i: number, time: string | null) =>
      entryOf(entryFor(i).isbn, completed({ title: 'T', price: null, priceChangesAt: time }))
    const entries = [
      at(1, '2030-01-02T00:00:00.000Z'),
      at(2, '2030-01-01T00:00:00.000Z'),
      at(3, null),
      at(4, '2031-01-01T00:00:00.000Z'),
    ]
    await add(store, ...entries.map((entry) => ({ ...entry, copies: 0, reason: null })))
    const isbns = [1, 2, 3, 4].map((i) => entryFor(i).isbn)
    assert.deepEqual(await store.books.pricesDue(Date.parse('2030-06-01'), 10), [isbns[1], isbns[0]])
    assert.deepEqual(await store.books.pricesDue(Date.parse('2030-06-01'), 1), [isbns[1]])
    const after = await store.books.booksAfter(isbns[0] ?? '', 2)
    assert.deepEqual(
      after.map((row) => row.isbn),
      [isbns[1], isbns[2]],
    )
  })

  test(`${name}: an import tells of itself while it lives, and fails when it falls silent`, async (t) => {
    const [{ imports }, another] = await open(t)
    const id = clock.uuid()
    const counts = { read: 5, created: 1, updated: 1, unchanged: 1, rejected: 2 }
    const faults = [{ record: 3, line: 4, field: 'isbn', message: "is '書'" }]
    const silent = { record: 0, message: 'silent' }
    assert.equal(await imports.find(id), undefined)
    await imports.begin(id, { file: 'spring.csv', dryRun: true })
    await imports.note(id, counts, faults, 'running', null)
    await imports.noteAlive(id)
    await another.imports.failIfSilent(id, 60_000, silent)
    const found = await another.imports.find(id)
    const about = {
      id,
      ...counts,
      file: 'spring.csv',
      dryRun: true,
      startedAt: found?.startedAt,
      report: null,
    }
    assert.deepEqual(found, { ...about, status: 'running', finishedAt: null, errors: faults })
    await imports.failIfSilent(id, -60_000, silent)
    await imports.note(id, { ...counts, read: 6 }, [], 'done', null)
    const failed = await imports.find(id)
    const errors = [silent, ...faults]
    assert.deepEqual(failed, { ...about, status: 'failed', finishedAt: failed?.finishedAt, errors })
    assert.equal(typeof failed?.finishedAt, 'string')
  })

  test(`${name}: the newest imports are listed, and a report stays with its import`, async (t) => {
    const [{ imports }] = await open(t)
    const counts = { read: 0, created: 0, updated: 0, unchanged: 0, rejected: 0 }
    const ids = [clock.uuid(), clock.uuid(), clock.uuid()]
    for (const id of ids) await imports.begin(id, { file: null, dryRun: false })
    const empty = { mapping: [], notRead: [], defaults: [], notes: [], preview: [] }
    const none = { skipped: 0, repaired: 0, leftOut: 0, withoutPrice: 0, copiesIgnored: 0 }
    const report: ImportReport = { format: '書', encoding: 'utf-8', ...empty, ...none }
    const [first = ''] = ids
    await imports.note(first, counts, [], 'done', report)
    assert.deepEqual((await imports.find(first))?.report, report)
    const listed = (await imports.newest(2)).map((each) => each.id)
    assert.deepEqual(listed, [ids[2], ids[1]])
  })
}
