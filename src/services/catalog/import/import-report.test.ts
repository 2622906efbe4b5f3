import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBookDb } from '../../../../test/support/book-db.ts'
import { type TestCatalog, testCatalog } from '../../../../test/support/catalog.ts'
import { until } from '../../../../test/support/until.ts'

async function imported(catalog: TestCatalog, body: string, query = '', type = 'text/csv') {
  const posted = await catalog.call('POST', `/api/imports${query}`, body, { 'content-type': type })
  assert.equal(posted.status, 202, JSON.stringify(posted.body))
  let { body: state } = posted
  await until(async () => {
    state = (await catalog.call('GET', `/api/imports/${posted.body.id}`)).body
    return state.status !== 'running'
  })
  return state
}

const onix = (supply: string, isbn = '9780441172719') =>
  `<ONIXMessage release="3.0"><Product><NotificationType>03</NotificationType><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbn}</IDValue></ProductIdentifier>
   <DescriptiveDetail><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>Dune</TitleText></TitleElement></TitleDetail>
   <ProductFormFeature><ProductFormFeatureType>09</ProductFormFeatureType><ProductFormFeatureValue>14</ProductFormFeatureValue></ProductFormFeature></DescriptiveDetail>
   <ProductSupply><SupplyDetail>${supply}</SupplyDetail></ProductSupply></Product></ONIXMessage>`
const price = (amount: string, dates = '') =>
  `<Price><PriceType>02</PriceType><PriceAmount>${amount}</PriceAmount><CurrencyCode>EUR</CurrencyCode>${dates}</Price>`
const path = '/api/books/9780441172719'

test('a book whose price is not known is listed as upcoming, and gets no other price in its place', async (t) => {
  const catalog = await testCatalog(t, 'import_unpriced')
  const state = await imported(
    catalog,
    onix('<UnpricedItemType>02</UnpricedItemType>'),
    '?copies=5&price=1250',
    'application/xml',
  )
  assert.deepEqual([state.created, state.report.withoutPrice], [1, 1])
  const { body } = await catalog.call('GET', path)
  assert.deepEqual([body.price, body.availability], [null, { available: 5, status: 'upcoming' }])
  assert.deepEqual(body.details.accessibility, [{ code: '14' }])
  for (const sort of ['price', '-price', 'title']) {
    const list = await catalog.call('GET', `/api/books?sort=${sort}`)
    assert.deepEqual(
      [list.body.total, list.body.items[0].price, 'details' in list.body.items[0]],
      [1, null, false],
      sort,
    )
  }
  assert.equal((await catalog.call('GET', '/api/books?available=true')).body.total, 0)
  assert.equal((await catalog.call('PATCH', path, { price: { amount: 900 } })).status, 400)
  const priced = await catalog.call('PATCH', path, { price: { amount: 900, currency: 'EUR' } })
  assert.deepEqual([priced.body.price.amount, priced.body.availability.status], [900, 'low'])
  assert.equal((await catalog.call('PATCH', path, { price: { currency: 'RRP' } })).status, 400)
  const unpriced = await catalog.call('PATCH', path, { price: null })
  assert.deepEqual([unpriced.status, unpriced.body.price], [200, null])
})

test('a price that cannot be read costs the price: new books have none, known ones keep theirs', async (t) => {
  const catalog = await testCatalog(t, 'import_unreadable_price')
  await imported(catalog, 'isbn,title,price\n9780441172719,Dune,9.90\n')
  const state = await imported(
    catalog,
    'isbn,title,price\n9780441172719,Dune,soon\n9780141439518,P,soon\n',
    '?price=1250',
  )
  assert.deepEqual([state.created, state.unchanged, state.report.leftOut], [1, 1, 2])
  assert.deepEqual((await catalog.call('GET', path)).body.price, { amount: 990, currency: 'EUR' })
  assert.equal((await catalog.call('GET', '/api/books/9780141439518')).body.price, null)
})

test('the price follows its periods by itself', async (t) => {
  const catalog = await testCatalog(t, 'import_periods')
  const date = (role: string, day: string) =>
    `<PriceDate><PriceDateRole>${role}</PriceDateRole><Date>${day}</Date></PriceDate>`
  const supply = price('4.00', date('15', '20991231')) + price('5.00', date('14', '21000101'))
  await imported(catalog, onix(supply), '?copies=9', 'application/xml')
  assert.equal((await catalog.call('GET', path)).body.price.amount, 400)
  await using database = await openBookDb(catalog.databaseUrl)
  // As if the turn of the century had come: the second period has begun.
  await database.execute(
    `UPDATE catalog.books SET price_changes_at = $1,
       prices = '[{"amount":500,"currency":"EUR","from":"2020-01-01T00:00:00.000Z"},{"amount":400,"currency":"EUR","until":"2020-01-01T00:00:00.000Z"}]'`,
    [new Date(Date.now() - 1_000)],
  )
  await until(async () => (await catalog.call('GET', path)).body.price.amount === 500)
  const [row] = await database.query<{ next: unknown }>('SELECT price_changes_at AS next FROM catalog.books')
  assert.equal(row?.next, null)
})

test('a dry run tells what would change and writes nothing', async (t) => {
  const catalog = await testCatalog(t, 'import_dry')
  await imported(catalog, 'isbn,title,price\n9780441172719,Dune,9.90\n')
  const file = 'isbn,title,price,Shelf\n9780441172719,Dune II,10.90,A\n9780141439518,Pride,5,B\n'
  const state = await imported(catalog, file, '?dryRun=true&file=spring.csv')
  assert.deepEqual([state.dryRun, state.file, state.created, state.updated], [true, 'spring.csv', 1, 1])
  assert.deepEqual(
    state.report.preview.map(({ kind, isbn }: { kind: string; isbn: string }) => [kind, isbn]),
    [
      ['changed', '9780441172719'],
      ['new', '9780141439518'],
    ],
  )
  assert.deepEqual(state.report.preview[0].changes[0], { field: 'title', from: 'Dune', to: 'Dune II' })
  assert.deepEqual(state.report.notRead, [{ name: 'Shelf', count: 2 }])
  assert.equal((await catalog.call('GET', path)).body.title, 'Dune')
  assert.equal((await catalog.call('GET', '/api/books')).body.total, 1)
  const again = await imported(catalog, file)
  assert.deepEqual([again.created, again.updated], [1, 1])
  const { body: history } = await catalog.call('GET', '/api/imports')
  assert.deepEqual(
    history.items.map((each: { file: string | null }) => each.file),
    [null, 'spring.csv', null],
  )
})

test('an update changes what it brings, a later record of a message wins, and unknown books need a title', async (t) => {
  const catalog = await testCatalog(t, 'import_update_blocks')
  const whole = onix(price('5.00'))
  const update = onix(price('6.50'))
    .replace('>03<', '>04<')
    .replace(/<DescriptiveDetail>[\s\S]*<\/DescriptiveDetail>/, '')
  const both = await imported(catalog, whole + update, '', 'application/xml')
  assert.deepEqual([both.created, both.updated, both.rejected], [1, 1, 0])
  const { body } = await catalog.call('GET', path)
  assert.deepEqual([body.title, body.price.amount], ['Dune', 650])
  const unknown = await imported(catalog, 'isbn;price;copies\n9780441172719;7,00;3\n9780141439518;7,00;3\n')
  assert.deepEqual([unknown.updated, unknown.rejected, unknown.report.copiesIgnored], [1, 1, 1])
  assert.match(unknown.errors[0].message, /no book with this ISBN/)
})
