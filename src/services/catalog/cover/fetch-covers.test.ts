import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { imported } from '../../../../test/support/imports.ts'
import { identifier, message } from '../../../../test/support/onix.ts'
import { openStore } from '../store/open-store.ts'
import { type CoverOutcome, fetchCovers } from './fetch-covers.ts'

const isbn = '9780441172719'
const link = 'https://inside.example/cover.jpg'
const linked = message({
  collateral: `<SupportingResource><ResourceContentType>01</ResourceContentType><ResourceVersion><ResourceLink>${link}</ResourceLink></ResourceVersion></SupportingResource>`,
})

test('pictures are fetched only when an import is asked to, and one that cannot be is noted', async (t) => {
  assert.ok(linked.includes(identifier))
  const catalog = await testCatalog(t, 'covers_import')
  const quiet = await imported(catalog, linked)
  assert.deepEqual([quiet.created, quiet.report.notes], [1, []])
  const asked = await imported(catalog, linked, '?covers=fetch')
  assert.deepEqual([asked.status, asked.unchanged, asked.report.coversFetched], ['done', 1, 0])
  const [note] = asked.report.notes
  assert.deepEqual([note.field, note.kind, note.from], ['cover', 'left-out', link])
  assert.equal((await catalog.call('GET', `/api/books/${isbn}/picture`)).status, 404)
})

test('a fetched picture is the cover of a book without one, is served as a picture, and is not fetched twice', async (t) => {
  const catalog = await testCatalog(t, 'covers_kept')
  await imported(catalog, linked)
  await using store = await openStore(catalog.databaseUrl, { applicationName: 'test' })
  const bytes = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1])
  await store.pictures.put(isbn, { type: 'image/jpeg', bytes, source: link })
  const address = `/api/books/${isbn}/picture?v=1`
  await catalog.call('PATCH', `/api/books/${isbn}`, { cover: address })
  const shown = await catalog.call('GET', `/api/books/${isbn}/picture`)
  assert.equal(shown.status, 200)
  assert.equal(shown.headers.get('content-type'), 'image/jpeg')
  assert.equal(shown.headers.get('x-content-type-options'), 'nosniff')
  assert.match(shown.headers.get('content-security-policy') ?? '', /default-src 'none'; sandbox/)
  const outcomes: CoverOutcome[] = []
  const unreachable = { resolve: async () => assert.fail('nobody is asked') }
  const fetch = () =>
    fetchCovers(
      store,
      [{ isbn, link }],
      new AbortController().signal,
      (one) => outcomes.push(one),
      unreachable,
    )
  await fetch()
  await catalog.call('PATCH', `/api/books/${isbn}`, { cover: 'https://own.example/1.jpg' })
  await fetch()
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['kept', 'kept'],
  )
})
