import assert from 'node:assert/strict'
import { test } from 'node:test'
import { berlin, identifier, records, titled } from '../../../../test/support/onix.ts'

const market = (countries: string, date: string, supply: string) =>
  `<ProductSupply><Market><Territory><CountriesIncluded>${countries}</CountriesIncluded></Territory></Market>
  <MarketPublishingDetail><MarketPublishingStatus>04</MarketPublishingStatus>
  <MarketDate><MarketDateRole>01</MarketDateRole><Date>${date}01</Date></MarketDate>
  <MarketDate><MarketDateRole>02</MarketDateRole><Date>${date}02</Date></MarketDate></MarketPublishingDetail>
  <SupplyDetail><ProductAvailability>${supply}</ProductAvailability></SupplyDetail></ProductSupply>`

const product = (parts: string) =>
  `<ONIXMessage release="3.0"><Product><NotificationType>03</NotificationType>${identifier}<DescriptiveDetail>${titled}</DescriptiveDetail>${parts}</Product></ONIXMessage>`

async function read(xml: string, shop = berlin) {
  const [record] = await records(xml, shop)
  assert.ok(record?.kind === 'book', JSON.stringify(record))
  return record.book
}

test('dates and availability are those of the market that the shop is in', async () => {
  const both = product(market('US CA', '202803', '51') + market('AT DE', '202704', '20'))
  const here = await read(both)
  assert.deepEqual(
    [here.publishedOn, here.salesOpenAt, here.details?.availability],
    ['2027-04-01', '2027-04-01T22:00:00.000Z', '20'],
  )
  const there = await read(both, { ...berlin, country: 'US' })
  assert.deepEqual([there.publishedOn, there.details?.availability], ['2028-03-01', '51'])
  const elsewhere = await read(product(market('US', '202803', '51')))
  assert.deepEqual(
    [elsewhere.publishedOn, elsewhere.salesOpenAt, elsewhere.details?.availability],
    [undefined, undefined, undefined],
  )
  const anywhere = await read(product(market('US', '202803', '51')), { ...berlin, country: '' })
  assert.equal(anywhere.publishedOn, '2028-03-01')
})

test('a picture that is only for the trade is no cover to show to readers', async () => {
  const picture = (name: string, ...audiences: string[]) =>
    `<SupportingResource><ResourceContentType>01</ResourceContentType>${audiences
      .map((code) => `<ContentAudience>${code}</ContentAudience>`)
      .join(
        '',
      )}<ResourceMode>03</ResourceMode><ResourceVersion><ResourceForm>02</ResourceForm><ResourceLink>https://pictures.example.org/${name}.jpg</ResourceLink></ResourceVersion></SupportingResource>`
  const cover = async (resources: string) =>
    (await read(product(`<CollateralDetail>${resources}</CollateralDetail>`))).details?.coverLink
  assert.equal(
    await cover(picture('trade', '01') + picture('all', '00')),
    'https://pictures.example.org/all.jpg',
  )
  assert.equal(await cover(picture('both', '02', '03')), 'https://pictures.example.org/both.jpg')
  assert.equal(await cover(picture('said', '02', '07')), undefined)
})

test('a title that stands in the product itself, as before 2.1, is no title of its series', async () => {
  const old = (title: string) =>
    `<ONIXMessage><Product><NotificationType>03</NotificationType><ISBN>0441172717</ISBN>${title}
    <Series><TitleOfSeries>Dune Chronicles</TitleOfSeries><NumberWithinSeries>1</NumberWithinSeries></Series></Product></ONIXMessage>`
  const distinct = await read(old('<DistinctiveTitle>Dune</DistinctiveTitle><Subtitle>A Novel</Subtitle>'))
  assert.deepEqual([distinct.title, distinct.subtitle], ['Dune', 'A Novel'])
  assert.deepEqual(distinct.details?.series, [{ title: 'Dune Chronicles', number: '1' }])
  const parts = '<TitlePrefix>The</TitlePrefix><TitleWithoutPrefix>Shining</TitleWithoutPrefix>'
  assert.equal((await read(old(parts))).title, 'The Shining')
  assert.equal((await read(old(''))).title, 'Dune Chronicles 1')
})
