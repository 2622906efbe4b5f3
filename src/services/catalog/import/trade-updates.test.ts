import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBookDb } from '../../../../test/support/book-db.ts'
import { testCatalog } from '../../../../test/support/catalog.ts'
import { imported } from '../../../../test/support/imports.ts'

const isbns = ['9780441172719', '9780141439518', '9780306406157'] as const
const [dune, pride, third] = isbns

const product = (isbn: string, type: string, blocks: string) =>
  `<Product><NotificationType>${type}</NotificationType><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbn}</IDValue></ProductIdentifier>${blocks}</Product>`
const onix = (...products: string[]) => `<ONIXMessage release="3.1">${products.join('')}</ONIXMessage>`

test('copies of known books stay or are set as the import is told, and never below what is promised', async (t) => {
  const catalog = await testCatalog(t, 'trade_stock')
  await imported(
    catalog,
    `isbn,title,price,copies\n${dune},Dune,5,3\n${pride},Pride,5,2\n${third},Third,5,1\n`,
  )
  await using database = await openBookDb(catalog.databaseUrl)
  await database.execute('UPDATE catalog.stock SET held = 1, sold = 1 WHERE isbn = $1', [pride])
  const file = `isbn;copies\n${dune};10\n${pride};1\n${third};1\n9790000000007;4\n`

  const kept = await imported(catalog, file)
  assert.deepEqual([kept.updated, kept.unchanged, kept.rejected, kept.report.copiesIgnored], [0, 3, 1, 2])

  const preview = await imported(catalog, file, '?stock=set&dryRun=true')
  assert.deepEqual([preview.updated, preview.report.copiesSet], [1, 1])
  assert.deepEqual(preview.report.preview[0].changes, [{ field: 'copies', from: '3', to: '10' }])
  assert.equal((await catalog.call('GET', `/api/books/${dune}/availability`)).body.available, 3)

  const set = await imported(catalog, file, '?stock=set')
  assert.deepEqual([set.updated, set.unchanged, set.rejected, set.report.copiesSet], [1, 2, 1, 1])
  assert.equal((await catalog.call('GET', `/api/books/${dune}/availability`)).body.available, 10)
  const [note] = set.report.notes
  assert.deepEqual([note.line, note.field, note.kind], [3, 'copies', 'left-out'])
  assert.match(note.message, /1 copies are held and 1 sold, so that no fewer than 2/)
  const [ledger] = await database.query<{ sum: number }>(
    'SELECT sum(copies_delta) AS sum FROM catalog.ledger WHERE isbn = $1',
    [dune],
  )
  assert.equal(Number(ledger?.sum), 10, 'the ledger adds up')
  const again = await imported(catalog, file, '?stock=set')
  assert.deepEqual([again.updated, again.unchanged, again.report.copiesSet], [0, 3, 0])
})

test('a deletion takes a book out of which nobody has a copy, once, and leaves others to a bookseller', async (t) => {
  const catalog = await testCatalog(t, 'trade_deletion')
  await imported(catalog, `isbn,title,price,copies\n${dune},Dune,5,0\n${pride},Pride,5,2\n`)
  const file = onix(...isbns.map((isbn) => product(isbn, '05', '')))
  const preview = await imported(catalog, file, '?dryRun=true')
  assert.deepEqual(
    [preview.updated, preview.unchanged, preview.rejected, preview.report.removed],
    [1, 1, 1, 1],
  )
  assert.equal((await catalog.call('GET', `/api/books/${dune}`)).status, 200, 'only told')
  const done = await imported(catalog, file)
  assert.deepEqual([done.updated, done.unchanged, done.rejected, done.report.removed], [1, 1, 1, 1])
  assert.match(
    done.errors[0].message,
    /asks to delete the book, which stays: 2 copies are owned, 0 held, 0 sold/,
  )
  assert.equal((await catalog.call('GET', `/api/books/${dune}`)).status, 404)
  assert.equal((await catalog.call('GET', `/api/books/${pride}`)).status, 200)
  const again = await imported(catalog, file)
  assert.deepEqual([again.updated, again.unchanged, again.rejected], [0, 2, 1])
})

test('an update of a block replaces that block alone, and a record after a deletion is a new book', async (t) => {
  const catalog = await testCatalog(t, 'trade_blocks')
  const title = (text: string, subtitle = '') =>
    `<DescriptiveDetail><ProductForm>BC</ProductForm><Extent><ExtentType>00</ExtentType><ExtentValue>7</ExtentValue><ExtentUnit>03</ExtentUnit></Extent><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>${text}</TitleText>${subtitle && `<Subtitle>${subtitle}</Subtitle>`}</TitleElement></TitleDetail></DescriptiveDetail>`
  const text = (words: string) =>
    `<CollateralDetail><TextContent><TextType>03</TextType><ContentAudience>00</ContentAudience><Text>${words}</Text></TextContent></CollateralDetail>`
  await imported(catalog, onix(product(dune, '03', title('Dune', 'A novel') + text('Sand.'))))
  const book = async () => (await catalog.call('GET', `/api/books/${dune}`)).body
  await imported(catalog, onix(product(dune, '04', text('More sand.'))))
  assert.deepEqual([(await book()).subtitle, (await book()).description], ['A novel', 'More sand.'])
  await imported(catalog, onix(product(dune, '04', title('Dune').replace(/<Extent>.*<\/Extent>/, ''))))
  const after = await book()
  assert.deepEqual([after.subtitle, after.description, after.details], [null, 'More sand.', undefined])
  await imported(catalog, onix(product(dune, '05', ''), product(dune, '03', title('Dune again'))))
  assert.deepEqual([(await book()).title, (await book()).description], ['Dune again', null])
})

test('an original title is read, shown and found', async (t) => {
  const catalog = await testCatalog(t, 'trade_original')
  await imported(
    catalog,
    `isbn,original_title,title,price\n${dune},Der Wüstenplanet,Dune,5\n${pride},,Pride,5\n`,
  )
  assert.equal(
    (await catalog.call('GET', `/api/books/${dune}`)).body.details.originalTitle,
    'Der Wüstenplanet',
  )
  const found = await catalog.call('GET', '/api/books?q=wustenplanet')
  assert.deepEqual(
    found.body.items.map((book: { isbn: string }) => book.isbn),
    [dune],
  )
  await imported(catalog, `isbn,original title\n${third},Nur das Original\n`)
  assert.equal((await catalog.call('GET', `/api/books/${third}`)).body.title, 'Nur das Original')
})
