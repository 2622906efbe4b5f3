import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { catalogSecret, type TestCatalog, testCatalog } from '../../../../test/support/catalog.ts'
import { imported } from '../../../../test/support/imports.ts'
import { identifier, message } from '../../../../test/support/onix.ts'
import { passedOn } from '../../../../test/support/passed-on.ts'
import { CoverLinks } from '../import/cover-links.ts'
import { openStore } from '../store/open-store.ts'
import { type CoverOutcome, fetchCovers } from './fetch-covers.ts'
import type { FetchOverrides } from './fetch-picture.ts'

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

test('an import that is asked to fetches the picture that a file names, and the shop serves it as the cover', async (t) => {
  const publisher = await startPublisher(t)
  const catalog = await testCatalog(t, 'covers_fetched', { pictures: publisher.world })
  const linkedThere = linked.replace(link, publisher.at('/cover.png'))
  await imported(catalog, linkedThere)
  assert.match((await bookIn(catalog)).cover, /cover\.svg/, 'drawn, until somebody asks')
  assert.deepEqual(publisher.asked, [])
  const asked = await imported(catalog, linkedThere, '?covers=fetch')
  assert.deepEqual([asked.status, asked.report.coversFetched, asked.report.notes], ['done', 1, []])
  const { cover } = await bookIn(catalog)
  assert.match(cover, new RegExp(`^/api/books/${isbn}/picture\\?v=`))
  const served = await fetch(catalog.url + cover, { headers: passedOn(catalogSecret, 'catalog') })
  assert.equal(served.headers.get('content-type'), 'image/png')
  assert.deepEqual(Buffer.from(await served.arrayBuffer()), png)
  const again = await imported(catalog, linkedThere, '?covers=fetch')
  assert.deepEqual([again.unchanged, again.report.coversFetched, publisher.asked], [1, 0, ['/cover.png']])
  // The same publisher at an address inside is not asked.
  const inside = await imported(
    catalog,
    linked.replace(link, publisher.at('/inside.png', 'inside.example')),
    '?covers=fetch',
  )
  assert.deepEqual(
    inside.report.notes.map(({ field, message }: { field: string; message: string }) => [field, message]),
    [['cover', 'leads to no public address']],
  )
  assert.deepEqual(publisher.asked, ['/cover.png'])
  assert.equal((await bookIn(catalog)).cover, cover)
})

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 1, 2, 3])
const bookIn = async (catalog: TestCatalog) => (await catalog.call('GET', `/api/books/${isbn}`)).body

/** A publisher's server, whose address alone is allowed beside the public ones. */
async function startPublisher(t: TestContext) {
  const folder = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'support', 'certificates')
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const asked: string[] = []
  const server = createServer(
    { cert: read('first.pem'), key: read('first.key.pem') },
    (request, response) => {
      asked.push(request.url ?? '')
      response.end(png)
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const world: FetchOverrides = {
    resolve: async (host) => [
      { address: host === 'publisher.example' ? '127.0.0.1' : '127.0.0.2', family: 4 },
    ],
    isAllowed: (address) => address === '127.0.0.1',
    ports: [String(port)],
    ca: read('first.pem'),
    certificateName: 'localhost',
  }
  const at = (path: string, host = 'publisher.example') => `https://${host}:${port}${path}`
  return { asked, world, at }
}

test('pictures beyond those that one import fetches are told', async (t) => {
  const catalog = await testCatalog(t, 'covers_many')
  await using store = await openStore(catalog.databaseUrl, { applicationName: 'test' })
  const links = new CoverLinks({ copies: 0, covers: 'fetch' }, 1)
  const isbns = [isbn, '9780141439518', '9780306406157']
  for (const [i, each] of isbns.entries())
    links.note({
      record: i + 1,
      kind: 'book',
      book: { isbn: each, title: 'T', details: { coverLink: link } },
    })
  const told: [number, string][] = []
  await links.fetch(store, new AbortController().signal, ({ record }, outcome) =>
    told.push([record, outcome.kind === 'none' ? outcome.message : outcome.kind]),
  )
  assert.deepEqual(told, [
    [1, 'kept'],
    [2, 'one import fetches 1 pictures: this one and 1 more are left; import them in a file of their own'],
  ])
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
