import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifier, message, records, titled } from '../../../../test/support/onix.ts'
import { Findings } from './findings.ts'
import { shopDefaults } from './source.ts'

type PriceParts = { type?: string; amount?: string; currency?: string; more?: string }
const price = ({ type = '02', amount = '9.99', currency = 'EUR', more = '' }: PriceParts = {}) =>
  `<Price><PriceType>${type}</PriceType>${more}<PriceAmount>${amount}</PriceAmount>${currency && `<CurrencyCode>${currency}</CurrencyCode>`}</Price>`
const notified = (xml: string, type: string) =>
  xml.replace('<NotificationType>03', `<NotificationType>${type}`)
const withoutEmptyBlocks = (xml: string) => xml.replace(/<(\w+Detail)><\/\1>/g, '')

test('an update of some blocks tells only of those; a deletion is one, and a test is no news', async () => {
  const xml = withoutEmptyBlocks(message({ supply: price(), title: '' }))
  const [update] = await records(notified(xml, '04'))
  assert.ok(update?.kind === 'book')
  assert.deepEqual(Object.keys(update.book).sort(), ['isbn', 'price', 'prices'])
  const deletion = notified(xml, '05').replace(
    '<ProductId',
    '<DeletionText>Issued in error</DeletionText><ProductId',
  )
  const [deleted] = await records(deletion)
  assert.deepEqual(deleted?.kind === 'deletion' && deleted.isbn, '9780441172719')
  for (const type of ['88', '89']) {
    const [record] = await records(notified(xml, type))
    assert.equal(record?.kind === 'wrong' && record.field, 'NotificationType')
  }
})

test('a block of an update replaces what it carried before, an empty one deletes it', async () => {
  const descriptive = '<ProductForm>BC</ProductForm>'
  const update = async (xml: string) => {
    const [record] = await records(notified(withoutEmptyBlocks(xml), '04'))
    assert.ok(record?.kind === 'book')
    return record.book
  }
  const replaced = await update(message({ descriptive }))
  assert.deepEqual([replaced.title, replaced.subtitle, replaced.contributors], ['Dune', null, []])
  assert.ok(replaced.detailsTakenAway?.includes('pages') && !replaced.detailsTakenAway.includes('coverLink'))
  const emptied = await update(
    message({ title: '' }).replace('<ProductSupply>', '<CollateralDetail/><ProductSupply>'),
  )
  assert.deepEqual([emptied.description, emptied.detailsTakenAway], [null, ['coverLink']])
  const partly = await update(message({ title: '', descriptive: '<EditionNumber>2</EditionNumber>' }))
  assert.deepEqual([partly.subtitle, partly.detailsTakenAway], [undefined, undefined])
  const whole = await records(message({ descriptive, collateral: '' }))
  assert.equal(whole[0]?.kind === 'book' && whole[0].book.subtitle, undefined, 'only an update takes away')
})

test('the original title is kept beside the one the book is called by', async () => {
  const original =
    '<TitleDetail><TitleType>03</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitlePrefix>Der</TitlePrefix><TitleWithoutPrefix>Wüstenplanet</TitleWithoutPrefix></TitleElement></TitleDetail>'
  for (const descriptive of [original]) {
    const [first] = await records(message({ descriptive }))
    assert.ok(first?.kind === 'book')
    assert.deepEqual([first.book.title, first.book.details?.originalTitle], ['Dune', 'Der Wüstenplanet'])
    const [alone] = await records(message({ title: '', descriptive }))
    assert.ok(alone?.kind === 'book')
    assert.deepEqual([alone.book.title, alone.book.details?.originalTitle], ['Der Wüstenplanet', undefined])
  }
})

test('a file is read whichever namespace prefix its elements have', async () => {
  const xml = message({ supply: price(), header: '<DefaultCurrencyCode>GBP</DefaultCurrencyCode>' })
  for (const prefix of ['onix', 'ns0', 'o-x.1']) {
    const prefixed = xml
      .replace(/<(\/?)(?=[A-Za-z])/g, `<$1${prefix}:`)
      .replace(' release', ` xmlns:${prefix}="http://ns.editeur.org/onix/3.0/reference" release`)
    const [record] = await records(prefixed)
    assert.ok(record?.kind === 'book', JSON.stringify(record))
    assert.deepEqual([record.book.title, record.book.price], ['Dune', { amount: 999, currency: 'EUR' }])
  }
})

test('a price without a type is of the type that the header says', async () => {
  const untyped = price({ type: '' }).replace('<PriceType></PriceType>', '')
  const priced = async (header: string) => {
    const [record] = await records(
      message({ supply: untyped + price({ amount: '12.00', type: '01' }), header }),
    )
    return record?.kind === 'book' && record.book.price?.amount
  }
  assert.equal(await priced('<DefaultPriceType>02</DefaultPriceType>'), 999)
  assert.equal(await priced('<DefaultPriceTypeCode>02</DefaultPriceTypeCode>'), 999)
  assert.equal(
    await priced('<DefaultPriceType>05</DefaultPriceType>'),
    1200,
    'a net price is none for readers',
  )
  assert.equal(await priced(''), 1200)
})

test('one broken product costs one record, whatever is wrong with it', async () => {
  const good = `<Product>${identifier}${titled.replaceAll('TitleDetail', 'Title').replaceAll(/<\/?TitleElement>/g, '')}</Product>`
  const broken: [string, RegExp][] = [
    [good.replace('Dune', 'Du<ne'), /not well-formed|does not end/],
    [good.replace('</Title>', ''), /not well-formed/],
    [good.replace('</Product>', ''), /does not end before the next one/],
    [good.replace('Dune', 'Du\u0001ne'), /cannot be read/],
    [good.replace('Dune', `<${'x'.repeat(200_000)}`), /longer than 64 KiB/],
    [good.replace('Dune', 'x'.repeat(2_100_000)), /two million/],
    [good.replace('Dune', `<![CDATA[${'x'.repeat(2_100_000)}`), /two million/],
    [good.replace('Dune', '<a>'.repeat(25_000)), /nested deeper|elements/],
  ]
  for (const [product, message] of broken) {
    const [first, second] = await records(`<ONIXMessage>${product}\n${good}</ONIXMessage>`)
    assert.match(first?.kind === 'wrong' ? first.message : '', message)
    assert.equal(second?.kind === 'book' && second.book.title, 'Dune', String(message))
  }
  for (const mark of ['&#1;', '&#x0B;', '&#55296;', '&#xFFFF;', '\0']) {
    const [first, second] = await records(
      `<ONIXMessage>${good.replace('</Title>', `</Title><Publisher><PublisherName>P${mark}</PublisherName></Publisher>`)}\n${good}</ONIXMessage>`,
    )
    assert.ok(first?.kind === 'book' && second?.kind === 'book', mark)
    assert.deepEqual([first.book.publisher, first.notes?.[0]?.kind], [undefined, 'left-out'], mark)
  }
  const [repaired] = await records(`<ONIXMessage>${good.replace('Dune', 'Sand & Dune')}</ONIXMessage>`)
  assert.equal(repaired?.kind === 'book' && repaired.book.title, 'Sand & Dune')
})

test('products are found without a message, in several messages, under any prefix, and not in comments', async () => {
  const product = `<Product>${identifier}<Title><TitleText>Dune</TitleText></Title></Product>`
  const prefixed = product.replace(/<(\/?)/g, '<$1o:')
  const files: [string, number][] = [
    [product + product, 2],
    [
      `<?xml version="1.0"?><ONIXMessage>${product}</ONIXMessage>\n<?xml version="1.0"?><ONIXMessage>${product}</ONIXMessage>`,
      2,
    ],
    [`<o:ONIXMessage xmlns:o="x">${prefixed}</o:ONIXMessage>`, 1],
    [`<ONIXMessage><!-- ${product} -->${product}</ONIXMessage>`, 1],
    [
      `<ONIXMessage><Header><SenderName><![CDATA[${product}]]></SenderName></Header>${product}</ONIXMessage>`,
      1,
    ],
  ]
  for (const [xml, count] of files) {
    const found = await records(xml)
    assert.deepEqual(
      found.map((each) => each.kind),
      Array.from({ length: count }, () => 'book'),
      xml.slice(0, 60),
    )
  }
})

test('the encoding is what the bytes are, whatever is declared', async () => {
  const xml = (declared: string) =>
    `<?xml version="1.0"${declared}?>${message({ title: titled.replace('Dune', 'Über Größe €') })}`
  const cp1252 = (text: string) => Buffer.from(text.replace('€', '\x80'), 'latin1')
  const cases: Uint8Array[] = [
    cp1252(xml('')),
    cp1252(xml(' encoding="utf-8"')),
    cp1252(xml(' encoding="iso-8859-1"')),
    Buffer.from(xml(' encoding="iso-8859-1"')),
    Buffer.from(xml(' encoding="unicode-utf-8"')),
    Buffer.from(`\ufeff${xml(' encoding="utf-16"')}`, 'utf16le'),
    Buffer.from(xml(' encoding="utf-16"'), 'utf16le'),
  ]
  for (const bytes of cases) {
    const [record] = await records(bytes)
    assert.equal(record?.kind === 'book' && record.book.title, 'Über Größe €')
  }
})

test('a block of an update is read by the codes of 3.x whichever block it is', async () => {
  const update = (collateral: string) =>
    `<ONIXMessage><Product><NotificationType>04</NotificationType>${identifier}<CollateralDetail><TextContent>${collateral}</TextContent></CollateralDetail></Product></ONIXMessage>`
  const findings = new Findings()
  const [record] = await records(
    update('<TextType>17</TextType><Text>About the series</Text>'),
    undefined,
    findings,
  )
  assert.equal(record?.kind === 'book' && record.book.description, null)
  assert.equal(findings.format, 'ONIX 3')
})

test('elements that are not read are named, and read ones are not', async () => {
  const findings = new Findings()
  await records(
    message({ descriptive: '<Conference><ConferenceName>x</ConferenceName></Conference>' }),
    shopDefaults,
    findings,
  )
  assert.deepEqual(findings.notRead, [{ name: 'Conference', count: 1 }])
})

test('a role in words and the script of a language are read from short tags too', async () => {
  const [record] =
    await records(`<ONIXmessage release="3.0"><product><a002>03</a002><productidentifier><b221>15</b221>
    <b244>9780441172719</b244></productidentifier><descriptivedetail><titledetail><b202>01</b202><titleelement>
    <x409>01</x409><b203>Dune</b203></titleelement></titledetail><contributor><b035>Z99</b035><b036>Ann Author</b036>
    <b048>puppeteer</b048></contributor><language><b253>01</b253><b252>srp</b252><x420>Latn</x420></language>
    </descriptivedetail></product></ONIXmessage>`)
  assert.ok(record?.kind === 'book')
  assert.deepEqual(record.book.contributors, [{ name: 'Ann Author', role: 'puppeteer' }])
  assert.equal(record.book.language, 'sr-Latn')
})
