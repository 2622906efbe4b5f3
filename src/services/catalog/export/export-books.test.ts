import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { testDatabase } from '../../../../test/support/database.ts'
import { Findings } from '../import/findings.ts'
import { readCatalogue } from '../import/read-catalogue.ts'
import { runImport } from '../import/run-import.ts'
import { type ImportedBook, type Shop, shopDefaults } from '../import/source.ts'
import { writeBatch } from '../import/write-batch.ts'
import { loadSample } from '../sample/load-sample.ts'
import type { BookStore } from '../store/book-store.ts'
import { openStore } from '../store/open-store.ts'
import { type ExportFormat, exportBooks, exportFormats } from './export-books.ts'
import { languageCodes } from './onix-codes.ts'

const price = { amount: 1_290, currency: 'EUR' }

/** Books with something in them that a reader of files could take for something else. */
const oddBooks: ImportedBook[] = [
  { isbn: '9780000000019', title: 'Learn <canvas> & more &amp; less', price: null },
  { isbn: '9780000000026', title: '=HYPERLINK("http://x.example")', subtitle: "'-1", price },
  {
    isbn: '9780000000033',
    title: 'People',
    price: { amount: 1_250, currency: 'KWD' },
    contributors: [
      { name: 'Smith, Jones and Sons; Ltd', role: 'editor' },
      { name: 'Ann Example', role: 'author' },
      { name: 'Ann Example', role: 'illustrator' },
      { name: 'Bo', role: 'keeper of the lights' },
      { name: 'Cy', role: 'contributor' },
    ],
    subjects: ['Fiction, general', 'Law; comparative', 'A > B', '[x]'],
    language: 'en-GB',
    format: 'leatherbound',
  },
  {
    isbn: '9780000000040',
    title: 'Timed',
    price,
    prices: [
      { ...price, from: '2020-01-01T00:00:00.000Z' },
      { amount: 990, currency: 'EUR', until: '2020-01-01T00:00:00.000Z' },
    ],
    limited: true,
    perCustomer: 2,
    salesOpenAt: '2031-04-01T10:30:00.000Z',
    cover: 'https://covers.example/1.jpg',
    description: 'One\n\nTwo <b> & three\n• four',
  },
  {
    isbn: '9780000000057',
    title: 'Details',
    publisher: 'House & Son',
    publishedOn: '-0800',
    price: { amount: 0, currency: 'EUR' },
    salesOpenAt: '2031-04-01T00:00:00.000Z',
    subjects: ['Poetry', 'FBA', 'own'],
    details: {
      imprint: 'Small & Fine',
      edition: '2nd',
      originalTitle: 'Détails & plus',
      pages: 320,
      minutes: 90,
      illustrations: '12 <plates>',
      height: 210.5,
      weight: 400,
      series: [{ title: 'Great Series', number: '3' }, { title: 'Other' }],
      subjects: [
        { scheme: '93', code: 'DCF', heading: 'Poetry' },
        { scheme: '93', code: 'FBA' },
      ],
      keywords: ['sea', 'salt & sand'],
      audience: ['General', '3–6 years'],
      accessibility: [{ code: '14', text: 'Real page numbers' }],
      related: [{ relation: '06', isbn: '9780441172719' }],
      works: [{ relation: '01', scheme: '11', id: 'A02 2009 000004BE & B' }],
      publishingStatus: '04',
      availability: '20',
      coverLink: 'https://covers.example/a.jpg?x=1&y=2',
    },
  },
  {
    isbn: '9780000000064',
    title: '1984',
    language: 'zh-Hant-TW',
    subjects: ['Fiction, general'],
    contributors: [],
    price,
  },
]

const shops: Shop[] = [shopDefaults, { country: 'DE', currency: 'USD', timeZone: 'America/New_York' }]

test('what is exported is imported as unchanged, every book of it', async (t) => {
  const { url } = await testDatabase(t, 'export_round_trip', 'books')
  await using store = await openStore(url, { applicationName: 'export' })
  await store.migrate()
  await loadSample(store.books, systemClock)
  await writeBatch(store.books, oddBooks, { copies: 3 }, systemClock)
  const before = await snapshot(store.books)
  assert.ok(before.length > oddBooks.length, 'the sample catalogue is there too')
  for (const shop of shops)
    for (const format of exportFormats) {
      const { counts, changed } = await importAgain(
        store.books,
        await exported(store.books, format, shop),
        shop,
      )
      assert.deepEqual(changed, [], format)
      assert.deepEqual(
        [counts.read, counts.unchanged, counts.rejected],
        [before.length, before.length, 0],
        format,
      )
    }
  assert.deepEqual(await snapshot(store.books), before)
})

test('an empty store takes from an export what its format can tell', async (t) => {
  const { url } = await testDatabase(t, 'export_restore', 'books')
  await using store = await openStore(url, { applicationName: 'export' })
  await store.migrate()
  await writeBatch(store.books, oddBooks, { copies: 3 }, systemClock)
  const before = await snapshot(store.books)
  const files = await Promise.all(exportFormats.map((format) => exported(store.books, format, shopDefaults)))
  for (const [i, file] of files.entries()) {
    await store.books.change(async (changes) => {
      for (const { isbn } of before) {
        const row = await changes.lockWithStock(isbn)
        if (row !== undefined) await changes.remove(row)
      }
    })
    await importAgain(store.books, file, shopDefaults)
    const after = await snapshot(store.books)
    const kept = (rows: typeof before) =>
      rows.map(({ isbn, title, subtitle, contributors, subjects, language, publisher, description }) => ({
        isbn,
        title,
        subtitle,
        contributors,
        subjects,
        language,
        publisher,
        description,
      }))
    assert.deepEqual(kept(after), kept(before), exportFormats[i])
    const [, , , , details] = after
    if (exportFormats[i] === 'onix') assert.deepEqual(details?.details, before[4]?.details)
    else assert.deepEqual(after[3]?.salesOpenAt, before[3]?.salesOpenAt)
  }
})

test('languages are told by the codes of ONIX alone', async () => {
  assert.deepEqual(languageCodes('en-GB'), { language: 'eng', country: 'GB' })
  assert.deepEqual(languageCodes('zh-Hant-TW'), { language: 'chi', country: 'TW', script: 'Hant' })
  assert.deepEqual(languageCodes('sr-Latn'), { language: 'srp', script: 'Latn' })
  assert.deepEqual(languageCodes('zu'), { language: 'zul' })
  assert.deepEqual(languageCodes('nds'), { language: 'nds' })
  // Spellings, and regions that are no countries, have no code.
  assert.equal(languageCodes('de-1996'), undefined)
  assert.equal(languageCodes('es-419'), undefined)
})

async function snapshot(books: BookStore) {
  const rows = await books.booksAfter('', 100_000)
  return rows.map(({ version: _version, ...row }) => row)
}

async function exported(books: BookStore, format: ExportFormat, shop: Shop): Promise<string> {
  let text = ''
  for await (const piece of exportBooks(books, format, { shop, nowMs: systemClock.now() })) text += piece
  return text
}

async function importAgain(books: BookStore, text: string, shop: Shop) {
  const changed: unknown[] = []
  const findings = new Findings()
  async function* bytes() {
    yield Buffer.from(text)
  }
  const source = readCatalogue(bytes(), { mapping: {}, shop, nowMs: systemClock.now(), findings })
  const counts = await runImport(
    books,
    systemClock,
    source,
    { copies: 0 },
    {
      onWritten: (_record, written) => {
        if (written.kind === 'changed') changed.push(written)
      },
      onRejected: (fault) => changed.push(fault),
    },
  )
  return { counts, changed }
}
