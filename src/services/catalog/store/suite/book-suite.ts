import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '#kernel/day'
import { systemClock as clock } from '#ports/clock'
import { DatabaseBusy } from '#ports/database'
import type { NewBook } from '#services/catalog'
import { fieldsOf } from '../../books/book-row.ts'
import { keysOf, keysVersion } from '../../search/book-keys.ts'
import { readSearch } from '../../search/search.ts'
import type { BookFilter, BookOrder, NewBookEntry } from '../book-store.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { TestScope } from './stock-suite.ts'
import { add, compare, entryFor, everyPage, hold } from './suite-books.ts'

type Open = (t: TestScope) => Promise<readonly [CatalogStore, CatalogStore]>

/** What every store of books has to do besides moving stock. */
export function testBookStore(name: string, open: Open): void {
  test(`${name}: a book is kept as it is written, character by character, with its stock and its ledger`, async (t) => {
    const [store] = await open(t)
    const odd = `it's “Ünï” 書 𠀀 \\ {a,"b"} %_ NULL\n${'x'.repeat(5_000)}`
    const entry = entryFor(1, {
      title: '  Ça ira, 三体 ',
      subtitle: 'İ',
      contributors: [{ name: "O'Brien, \\ 刘慈欣", role: 'author' }],
      publishedOn: '-0720',
      language: 'en-GB',
      description: odd,
      subjects: ['a,b', '{c}', 'ı'],
      limited: true,
      perCustomer: 2,
      salesOpenAt: '2030-01-02T03:04:05.678Z',
    })
    assert.equal(await add(store, { ...entry, copies: 7 }), 1)
    const book = await store.books.find(entry.isbn)
    assert.ok(book)
    assert.deepEqual(fieldsOf(book), entry.fields)
    assert.deepEqual([book.version, book.copies, book.held, book.sold], [1, 7, 0, 0])
    assert.deepEqual(await store.audit.unbalanced(), { titles: 1, found: [] })
    assert.equal(await add(store, { ...entry, copies: 9 }, entryFor(2)), 1, 'known ones are left alone')
    assert.equal((await store.books.find(entry.isbn))?.copies, 7)
  })

  test(`${name}: an edit counts as a version if it changes anything, and not at all if it throws`, async (t) => {
    const [store] = await open(t)
    const entry = entryFor(1)
    await add(store, entry)
    const edit = async (change: Partial<NewBook>, fails = false) =>
      store.books.change(async (changes) => {
        await changes.lock([entry.isbn])
        await changes.replace([entryFor(1, change)])
        if (fails) throw new Error('no')
      })
    await edit({})
    assert.equal((await store.books.find(entry.isbn))?.version, 1)
    await edit({ title: 'Other', subjects: ['x'] })
    await assert.rejects(edit({ title: 'Third' }, true), /no/)
    const book = await store.books.find(entry.isbn)
    assert.deepEqual([book?.version, book?.title, book?.subjects], [2, 'Other', ['x']])
  })

  test(`${name}: edits of one book wait for each other, and sales do not wait for them`, async (t) => {
    const [store, another] = await open(t)
    const entry = { ...entryFor(1), copies: 5 }
    await add(store, entry)
    const subjects = (each: CatalogStore) =>
      each.books.change(async (changes) => {
        const book = (await changes.lock([entry.isbn])).get(entry.isbn)
        assert.ok(book)
        await clock.sleep(30)
        await changes.replace([entryFor(1, { subjects: [...book.subjects, `s${book.subjects.length}`] })])
      })
    await Promise.all([store, another, store, another].map(subjects))
    assert.deepEqual((await store.books.find(entry.isbn))?.subjects, ['s0', 's1', 's2', 's3'])
    await store.books.change(async (changes) => {
      await changes.lock([entry.isbn])
      await hold(another, entry.isbn, 1)
    })
    assert.equal((await store.books.find(entry.isbn))?.held, 1)
    await assert.rejects(
      store.books.change(async (changes) => {
        await changes.lockWithStock(entry.isbn)
        await hold(another, entry.isbn, 1)
      }),
      DatabaseBusy,
    )
  })

  test(`${name}: a removed book is gone with its stock, and its ledger adds up to nothing`, async (t) => {
    const [store] = await open(t)
    const { isbn } = entryFor(1)
    await add(store, { ...entryFor(1), copies: 5 })
    await store.books.change(async (changes) => {
      const book = await changes.lockWithStock(isbn)
      assert.ok(book)
      await changes.remove(book)
    })
    assert.equal(await store.books.find(isbn), undefined)
    await add(store, { ...entryFor(1), copies: 2 })
    assert.deepEqual(await store.audit.unbalanced(), { titles: 1, found: [] })
  })

  test(`${name}: every order shows every book once, page by page, as it says`, async (t) => {
    const [store] = await open(t)
    const titles = ['Zebra', 'ähre', 'Äpfel', 'ÖL', 'apple', '書', 'zoo', '𠀀', 'B 2', 'b']
    const entries = titles.map((title, i) =>
      entryFor(i, {
        title,
        // What has no known price comes last either way.
        price: i === 5 ? null : { amount: (i * 7) % 4, currency: 'EUR' },
        publishedOn: i % 3 === 0 ? null : `19${10 + (i % 4)}`,
        subjects: ['word'],
      }),
    )
    await add(store, ...entries.map((entry) => ({ ...entry, copies: 9 })))
    await hold(store, entryFor(4).isbn, 3, 'sold')
    const search = await readSearch(store.books, 'word')
    const key = (pick: (entry: NewBookEntry) => string | number) => (isbn: string) =>
      pick(entries.find((entry) => entry.isbn === isbn) as NewBookEntry)
    const orders: [BookOrder, (isbn: string) => string | number, 1 | -1][] = [
      ['title', key(({ keys }) => keys.title), 1],
      ['price', key(({ fields }) => fields.price?.amount ?? 9), 1],
      ['-price', key(({ fields }) => fields.price?.amount ?? -1), -1],
      ['-publishedOn', key(({ keys }) => keys.publishedOn), -1],
      ['bestselling', (isbn) => (isbn === entryFor(4).isbn ? 0 : 1), 1],
      ['relevance', (isbn) => (isbn === entryFor(4).isbn ? 0 : 1), 1],
    ]
    for (const [order, keyOf, direction] of orders) {
      const expected = entries
        .map(({ isbn }) => isbn)
        .sort((a, b) => direction * (compare(keyOf(a), keyOf(b)) || compare(a, b)))
      for (const limit of [3, 10, 100])
        assert.deepEqual(await everyPage(store, { search, nowMs: 0 }, order, limit), expected, order)
    }
  })

  test(`${name}: a list and its counts heed every filter, and a facet leaves its own out`, async (t) => {
    const [store] = await open(t)
    const at = (iso: string) => ({ salesOpenAt: `2030-01-${iso}T00:00:00.000Z` })
    await add(
      store,
      { ...entryFor(1, { subjects: ['A', 'B'], format: 'pocket', language: 'en-GB' }), copies: 1 },
      { ...entryFor(2, { subjects: ['B'], language: 'en', limited: true, ...at('02') }), copies: 1 },
      { ...entryFor(3, { subjects: ['b'], language: 'eng', price: { amount: 500, currency: 'EUR' } }) },
      { ...entryFor(4, { language: 'fr' }) },
    )
    const nowMs = Date.parse('2030-01-01T00:00:00.000Z')
    const cases: [Partial<BookFilter>, number[]][] = [
      [{}, [1, 2, 3, 4]],
      [{ subject: 'B' }, [1, 2]],
      [{ subject: 'A', format: 'book' }, []],
      [{ format: 'pocket' }, [1]],
      [{ language: 'EN' }, [1, 2]],
      [{ language: 'en-gb' }, [1]],
      [{ limited: true }, [2]],
      [{ available: true }, [1]],
      [{ available: false }, [2, 3, 4]],
      [{ available: true, nowMs: nowMs + dayMs }, [1, 2]],
      [{ minPrice: 101 }, [3]],
      [{ maxPrice: 100, subject: 'B' }, [1, 2]],
      [{ maxPrice: Number.MAX_SAFE_INTEGER }, [1, 2, 3, 4]],
      [{ search: { kind: 'nothing' } }, []],
    ]
    for (const [given, expected] of cases) {
      const filter: BookFilter = { search: { kind: 'all' }, nowMs, ...given }
      const isbns = await everyPage(store, filter, 'price', 2)
      assert.deepEqual(
        isbns.toSorted(),
        expected.map((i) => entryFor(i).isbn),
        JSON.stringify(given),
      )
      assert.equal((await store.books.counts(filter)).total, expected.length, JSON.stringify(given))
    }
    const counts = await store.books.counts({ search: { kind: 'all' }, nowMs, subject: 'B' })
    const values = (facet: 'subject' | 'format' | 'language') =>
      counts[facet].map(({ value, count }) => `${value} ${count}`)
    assert.deepEqual([counts.total, counts.totalIsLowerBound], [2, false])
    assert.deepEqual(values('subject'), ['B 2', 'A 1', 'b 1'])
    assert.deepEqual(values('format'), ['book 1', 'pocket 1'])
    assert.deepEqual(values('language'), ['en 2'])
  })

  test(`${name}: words find titles that are them, then those that begin with them, then those that hold them`, async (t) => {
    const [store] = await open(t)
    const titles = ['Words about Dune', 'The Dune', 'Dune Messiah', 'A Dune for All', 'Dünen', 'Emma']
    const ranked = ['The Dune', 'Dune Messiah']
    await add(
      store,
      ...titles.map((title, i) =>
        entryFor(i, { title, contributors: [{ name: 'Jo Ström', role: 'author' }] }),
      ),
    )
    const found = async (text: string) => {
      const search = await readSearch(store.books, text)
      const order = search.kind === 'words' ? 'relevance' : 'title'
      return (await store.books.page({ filter: { search, nowMs: 0 }, order, limit: 10 })).books.map(
        (book) => book.title,
      )
    }
    assert.deepEqual((await found('dune')).slice(0, 2), ranked)
    assert.deepEqual((await found('dune')).toSorted(), titles.slice(0, 5).toSorted())
    assert.deepEqual(await found('DÜNEN'), ['Dünen'])
    assert.deepEqual(await found('emm strom'), ['Emma'], 'beginnings, in any part of the book')
    assert.deepEqual(await found('dune mesiah'), ['Dune Messiah'], 'a word that nobody wrote')
    assert.deepEqual(await found(entryFor(5).isbn), ['Emma'])
    assert.deepEqual(await found('zzzzzz'), [])
    const alike = await store.books.alike(['mesiah', 'stromm'], 5)
    assert.deepEqual([alike.length, alike[0]?.[0], alike[1]?.[0]], [2, 'messiah', 'strom'])
    assert.deepEqual(await store.books.knownBeginnings(['mess', 'zz', 'emma']), new Set(['mess', 'emma']))
    assert.deepEqual(await store.books.knownWords(['mess', 'zz', 'emma']), new Set(['emma']))
  })

  test(`${name}: old keys are renewed, each once`, async (t) => {
    const [store, another] = await open(t)
    await add(store, ...[1, 2, 3].map((i) => entryFor(i, { title: `Book ${i}` })))
    assert.equal(await store.books.renewKeys(keysVersion, 10, (book) => keysOf(book.isbn, book)), 0)
    const renew = (each: CatalogStore) =>
      each.books.renewKeys(keysVersion + 1, 10, (book) => ({
        ...keysOf(book.isbn, { ...book, title: `Renewed ${book.title}` }),
        version: keysVersion + 1,
      }))
    assert.equal((await renew(store)) + (await renew(another)), 3)
    const search = await readSearch(store.books, 'renewed')
    assert.equal((await store.books.counts({ search, nowMs: 0 })).total, 3)
    assert.equal((await store.books.find(entryFor(1).isbn))?.version, 1, 'nobody edited it')
  })

  test(`${name}: openings of sales are told in order, from any place on`, async (t) => {
    const [store] = await open(t)
    const open1 = { salesOpenAt: '2030-01-01T00:00:00.000Z' }
    await add(store, entryFor(3, open1), entryFor(1, open1), entryFor(2, open1), entryFor(4))
    await add(store, entryFor(5, { salesOpenAt: '2030-01-01T00:00:00.001Z' }))
    const atMs = Date.parse(open1.salesOpenAt)
    const after = async (isbn: string, until = atMs, limit = 10) =>
      (await store.books.salesOpened({ atMs, isbn }, until, limit)).map((book) => book.isbn)
    assert.deepEqual(
      await after(''),
      [1, 2, 3].map((i) => entryFor(i).isbn),
    )
    assert.deepEqual(await after(entryFor(1).isbn, atMs, 1), [entryFor(2).isbn])
    assert.deepEqual(await after('X', atMs + 1), [entryFor(5).isbn])
  })

  test(`${name}: a store is filled once, whoever comes, and again only where that broke off`, async (t) => {
    const [store, another] = await open(t)
    let fills = 0
    const fill = async () => {
      fills++
      await add(store, entryFor(fills))
      if (fills === 1) throw new Error('died half-way')
    }
    await assert.rejects(store.books.fillOnce('sample', fill), /half-way/)
    await Promise.all([store, another].map((each) => each.books.fillOnce('sample', fill)))
    assert.equal(fills, 2)
    await store.books.fillOnce('something else', fill)
    assert.equal(fills, 2, 'it holds books')
  })

  test(`${name}: the audit sees what is taken, and a title at rest while it looks`, async (t) => {
    const [store, another] = await open(t)
    const { isbn } = entryFor(1)
    await add(store, { ...entryFor(1), copies: 5 }, entryFor(2))
    await hold(store, isbn, 2)
    assert.deepEqual(await store.audit.takenByTitle(), new Map([[isbn, { held: 2, sold: 0 }]]))
    assert.deepEqual(await store.audit.oversold(), { titles: 2, found: [] })
    const seen = await store.audit.withTitleAtRest(isbn, async (taken) => {
      await assert.rejects(hold(another, isbn, 1), DatabaseBusy)
      return taken
    })
    assert.deepEqual(seen, { held: 2, sold: 0 })
    assert.equal(await store.isReady(), true)
  })
}
