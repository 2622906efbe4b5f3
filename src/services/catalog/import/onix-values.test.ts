import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from './findings.ts'
import { readOnix } from './read-onix.ts'
import { type ImportedBook, type Shop, type SourceRecord, shopDefaults } from './source.ts'

const day = Date.UTC(2026, 5, 15)
const berlin: Shop = { country: 'DE', currency: 'EUR', timeZone: 'Europe/Berlin' }

async function records(
  xml: string | Uint8Array,
  shop: Shop = shopDefaults,
  findings = new Findings(),
): Promise<SourceRecord[]> {
  const bytes = typeof xml === 'string' ? Buffer.from(xml) : xml
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += 1000) yield bytes.subarray(i, i + 1000)
  }
  const found: SourceRecord[] = []
  for await (const record of readOnix(pieces(), { mapping: {}, shop, nowMs: day, findings }))
    found.push(record)
  return found
}

const identifier =
  '<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780441172719</IDValue></ProductIdentifier>'
const titled =
  '<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>Dune</TitleText></TitleElement></TitleDetail>'

type Parts = {
  header?: string
  descriptive?: string
  collateral?: string
  publishing?: string
  supply?: string
  title?: string
}
const message = ({
  header = '',
  descriptive = '',
  collateral = '',
  publishing = '',
  supply = '',
  title = titled,
}: Parts) =>
  `<ONIXMessage release="3.0">${header && `<Header>${header}</Header>`}<Product><NotificationType>03</NotificationType>${identifier}` +
  `<DescriptiveDetail>${title}${descriptive}</DescriptiveDetail><CollateralDetail>${collateral}</CollateralDetail>` +
  `<PublishingDetail>${publishing}</PublishingDetail><ProductSupply><SupplyDetail>${supply}</SupplyDetail></ProductSupply></Product></ONIXMessage>`

async function bookOf(parts: Parts, shop?: Shop): Promise<ImportedBook> {
  const [record] = await records(message(parts), shop)
  if (record?.kind !== 'book') throw new Error(`no book: ${JSON.stringify(record)}`)
  return record.book
}

type PriceParts = { type?: string; amount?: string; currency?: string; more?: string }
const price = ({ type = '02', amount = '9.99', currency = 'EUR', more = '' }: PriceParts = {}) =>
  `<Price><PriceType>${type}</PriceType>${more}<PriceAmount>${amount}</PriceAmount>${currency && `<CurrencyCode>${currency}</CurrencyCode>`}</Price>`
const dated = (role: string, date: string) =>
  `<PriceDate><PriceDateRole>${role}</PriceDateRole><Date dateformat="00">${date}</Date></PriceDate>`
const priceText = (book: ImportedBook) =>
  book.price === null
    ? 'none'
    : book.price === undefined
      ? book.priceIsUnreadable
        ? 'unreadable'
        : undefined
      : `${book.price.amount} ${book.price.currency}`

test('the price is the one that a reader of this shop pays for one copy today', async () => {
  const other = price({ amount: '15.00' })
  const cases: [string, string, string | undefined][] = [
    [
      'ended',
      price({ amount: '4.99', more: dated('14', '20200101') + dated('15', '20201231') }) + other,
      '1500 EUR',
    ],
    ['to come', price({ amount: '29.99', more: dated('14', '20300101') }) + other, '1500 EUR'],
    ['ends today', price({ amount: '7.00', more: dated('15', '20260615') }), '700 EUR'],
    ['began today', price({ amount: '7.00', more: dated('14', '20260615') }), '700 EUR'],
    ['ended yesterday', price({ amount: '7.00', more: dated('15', '20260614') }), 'none'],
    [
      'the later beginning',
      price({ amount: '4.99', more: dated('14', '20200101') }) +
        price({ amount: '8.99', more: dated('14', '20210101') }),
      '899 EUR',
    ],
    [
      'a library’s',
      price({ amount: '99.00', more: '<PriceQualifier>06</PriceQualifier>' }) + other,
      '1500 EUR',
    ],
    ['a library’s alone', price({ amount: '99.00', more: '<PriceQualifier>10</PriceQualifier>' }), undefined],
    [
      'an offer with an end',
      price({ amount: '5.00', more: `<PriceQualifier>08</PriceQualifier>${dated('15', '20261231')}` }) +
        other,
      '500 EUR',
    ],
    [
      'an offer without one',
      price({ amount: '5.00', more: '<PriceQualifier>08</PriceQualifier>' }) + other,
      '1500 EUR',
    ],
    [
      'for ten copies',
      price({ amount: '5.00', more: '<MinimumOrderQuantity>10</MinimumOrderQuantity>' }) + other,
      '1500 EUR',
    ],
    [
      'with a condition',
      price({
        amount: '5.00',
        more: '<PriceCondition><PriceConditionType>11</PriceConditionType></PriceCondition>',
      }) + other,
      '1500 EUR',
    ],
    ['net', price({ type: '05', amount: '5.00' }), undefined],
    [
      'with the trade’s discount',
      price({ more: '<Discount><DiscountPercent>40</DiscountPercent></Discount>' }),
      '999 EUR',
    ],
    [
      'without tax',
      price({
        type: '01',
        amount: '10.00',
        more: '<Tax><TaxType>01</TaxType><TaxRatePercent>7</TaxRatePercent></Tax>',
      }),
      '1070 EUR',
    ],
    [
      'the shop’s currency before tax',
      price({ currency: 'GBP' }) + price({ type: '01', amount: '8.00' }),
      '800 EUR',
    ],
    ['three decimals', price({ amount: '12.990' }), '1299 EUR'],
    ['three decimals of dinars', price({ amount: '1.250', currency: 'KWD' }), '1250 KWD'],
    ['no currency', price({ currency: 'RRP' }), 'unreadable'],
    ['no amount', price({ amount: 'POA' }), 'unreadable'],
    ['an unreadable date', price({ more: dated('14', '20261399') }) + other, '1500 EUR'],
    ['free of charge', '<UnpricedItemType>01</UnpricedItemType>', '0 EUR'],
    ['to be announced', '<UnpricedItemType>02</UnpricedItemType>', 'none'],
    ['unpriced in its price', '<Price><UnpricedItemType>04</UnpricedItemType></Price>', 'none'],
    ['nothing told', '', undefined],
  ]
  for (const [name, supply, expected] of cases)
    assert.equal(priceText(await bookOf({ supply })), expected, name)
})

test('a price for other countries is none of this shop', async () => {
  const at = (territory: string, amount: string) =>
    price({ amount, more: `<Territory>${territory}</Territory>` })
  const us = at('<CountriesIncluded>US CA</CountriesIncluded>', '5.00')
  const world = at('<RegionsIncluded>WORLD</RegionsIncluded>', '6.00')
  const notHere = at(
    '<RegionsIncluded>WORLD</RegionsIncluded><CountriesExcluded>DE AT</CountriesExcluded>',
    '7.00',
  )
  const here = at('<CountriesIncluded>DE AT CH</CountriesIncluded>', '8.00')
  const cases: [string, Shop, string | undefined][] = [
    [us + world + here, berlin, '800 EUR'],
    [us + notHere + world, berlin, '600 EUR'],
    [us, berlin, undefined],
    [notHere, berlin, undefined],
    [us + world, shopDefaults, '600 EUR'],
  ]
  for (const [supply, shop, expected] of cases)
    assert.equal(priceText(await bookOf({ supply }, shop)), expected)
})

test('periods are kept, and begin and end with the days of the shop', async () => {
  const supply =
    price({ amount: '4.00', more: dated('15', '20260630') }) +
    price({ amount: '5.00', more: dated('14', '20260701') })
  const book = await bookOf({ supply }, berlin)
  assert.deepEqual(book.prices, [
    { amount: 500, currency: 'EUR', from: '2026-06-30T22:00:00.000Z' },
    { amount: 400, currency: 'EUR', until: '2026-06-30T22:00:00.000Z' },
  ])
  assert.deepEqual(book.price, { amount: 400, currency: 'EUR' })
})

test('what the header says once holds for every product that does not say otherwise, and is counted', async () => {
  const header =
    '<DefaultLanguageOfText>ger</DefaultLanguageOfText><DefaultPriceType>02</DefaultPriceType><DefaultCurrencyCode>GBP</DefaultCurrencyCode>'
  const findings = new Findings()
  const supply = '<Price><PriceAmount>9.99</PriceAmount></Price>'
  const [record] = await records(message({ header, supply }), shopDefaults, findings)
  assert.ok(record?.kind === 'book')
  assert.deepEqual([record.book.language, priceText(record.book)], ['de', '999 GBP'])
  assert.deepEqual(
    findings.defaults.map(({ field, count }) => [field, count]),
    [
      ['language', 1],
      ['currency', 1],
    ],
  )
  const short = `<ONIXmessage><header><m184>fre</m184><m185>02</m185><m186>CHF</m186></header><product>
    <productidentifier><b221>15</b221><b244>9780441172719</b244></productidentifier><title><b202>01</b202><b203>T</b203></title>
    <supplydetail><price><j151>8</j151></price></supplydetail></product></ONIXmessage>`
  const [old] = await records(short)
  assert.ok(old?.kind === 'book')
  assert.deepEqual([old.book.language, priceText(old.book)], ['fr', '800 CHF'])
})

test('a date is a day, a month or a year, and anything else costs the date and not the book', async () => {
  const cases: [string, string | undefined][] = [
    ['<Date dateformat="00">20270305</Date>', '2027-03-05'],
    ['<Date dateformat="01">202703</Date>', '2027-03'],
    ['<DateFormat>01</DateFormat><Date>202703</Date>', '2027-03'],
    ['<Date dateformat="05">2027</Date>', '2027'],
    ['<Date>2027-03-05</Date>', '2027-03-05'],
    ['<Date dateformat="06">2027030520270401</Date>', '2027-03-05'],
    ['<Date dateformat="13">20270305T1015</Date>', '2027-03-05'],
    ['<Date dateformat="02">202745</Date>', undefined],
    ['<Date dateformat="08">202745202746</Date>', undefined],
    ['<Date dateformat="12">Spring 2027</Date>', undefined],
    ['<Date dateformat="32">1448</Date>', undefined],
    ['<Date>20270231</Date>', undefined],
    ['<Date>202713</Date>', undefined],
    ['<Date>soon</Date>', undefined],
  ]
  for (const [date, expected] of cases) {
    const publishing = `<PublishingDate><PublishingDateRole>01</PublishingDateRole>${date}</PublishingDate>`
    assert.equal((await bookOf({ publishing })).publishedOn, expected, date)
  }
})

test('sales open when the embargo ends, at midnight where the shop is', async () => {
  const publishing =
    '<PublishingDate><PublishingDateRole>02</PublishingDateRole><Date>20270315</Date></PublishingDate>'
  assert.equal((await bookOf({ publishing })).salesOpenAt, '2027-03-15T00:00:00.000Z')
  assert.equal((await bookOf({ publishing }, berlin)).salesOpenAt, '2027-03-14T23:00:00.000Z')
  const supply = '<SupplyDate><SupplyDateRole>02</SupplyDateRole><Date>20270401</Date></SupplyDate>'
  assert.equal((await bookOf({ supply })).salesOpenAt, '2027-04-01T00:00:00.000Z')
})

test('names are those that a reader knows, in the order of their numbers, with every role', async () => {
  const person = (parts: string, role = 'A01') =>
    `<Contributor><ContributorRole>${role}</ContributorRole>${parts}</Contributor>`
  const cases: [string, string][] = [
    [
      '<NamesBeforeKey>Ludwig</NamesBeforeKey><PrefixToKey>van</PrefixToKey><KeyNames>Beispiel</KeyNames>',
      'Ludwig van Beispiel',
    ],
    [
      '<NamesBeforeKey>Ann</NamesBeforeKey><KeyNames>King</KeyNames><SuffixToKey>Jr.</SuffixToKey>',
      'Ann King Jr.',
    ],
    [
      '<NamesBeforeKey>Jean</NamesBeforeKey><PrefixToKey>d’</PrefixToKey><KeyNames>Exemple</KeyNames>',
      'Jean d’Exemple',
    ],
    ['<PersonNameInverted>Smith, John, Sir</PersonNameInverted>', 'John Smith, Sir'],
    ['<PersonNameInverted>Smith, John; Doe, Jane</PersonNameInverted>', 'John Smith|Jane Doe'],
    [
      '<PersonName>Pen Name</PersonName><AlternativeName><NameType>04</NameType><PersonName>Real Name</PersonName></AlternativeName>',
      'Pen Name',
    ],
    [
      '<AlternativeName><NameType>04</NameType><PersonName>Real</PersonName></AlternativeName><AlternativeName><NameType>01</NameType><PersonName>Pen</PersonName></AlternativeName>',
      'Pen',
    ],
    ['<CorporateName>Example Institute</CorporateName>', 'Example Institute'],
    ['<UnnamedPersons>02</UnnamedPersons>', 'Anonymous'],
  ]
  for (const [parts, expected] of cases) {
    const { contributors } = await bookOf({ descriptive: person(parts) })
    assert.equal(contributors?.map(({ name }) => name).join('|'), expected)
  }
  const sorted = await bookOf({
    descriptive:
      person('<SequenceNumber>2</SequenceNumber><PersonName>Two</PersonName>', 'B06') +
      person('<PersonName>Last</PersonName>', 'A36') +
      '<Contributor><SequenceNumber>1</SequenceNumber><ContributorRole>A01</ContributorRole><ContributorRole>A12</ContributorRole><PersonName>One</PersonName></Contributor>',
  })
  assert.deepEqual(
    sorted.contributors?.map(({ name, role }) => `${name} ${role}`),
    ['One author', 'One illustrator', 'Two translator', 'Last cover design'],
  )
})

test('a text keeps every word of its XHTML and its structure as lines, also when it was escaped too often', async () => {
  const text = (content: string, more = '') =>
    `<TextContent><TextType>03</TextType>${more}<Text textformat="05">${content}</Text></TextContent>`
  const cases: [string, string][] = [
    [
      text('<p>She said <q>hello</q>.</p><blockquote><p>Quoted</p></blockquote>'),
      'She said “hello”.\n\nQuoted',
    ],
    [text('<ul><li>One</li><li>Two</li></ul><ol><li>First</li></ol>'), '• One\n• Two\n\n1. First'],
    [
      text('H<sub>2</sub>O <small>small</small> <ruby><rb>東</rb><rt>ひがし</rt></ruby>'),
      'H2O small 東 (ひがし)',
    ],
    [text('<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>'), 'a · b\nc'],
    [text('<madeup>kept</madeup> too'), 'kept too'],
    [text('<![CDATA[<p>One</p><p>Two</p>]]>'), 'One\n\nTwo'],
    [text('<![CDATA[&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two &amp;amp; three&lt;/p&gt;]]>'), 'One\n\nTwo & three'],
    [text('<p>Write &lt;b&gt; for bold</p>'), 'Write <b> for bold'],
    [text('a &lt; b<script>alert(1)</script>'), 'a < b'],
    [
      text('Trade', '<ContentAudience>02</ContentAudience>') +
        text('For readers', '<ContentAudience>00</ContentAudience>'),
      'For readers',
    ],
    [
      text('Trade', '<ContentAudience>03</ContentAudience>') +
        text('For readers', '<ContentAudience>00</ContentAudience>'),
      'For readers',
    ],
  ]
  for (const [collateral, expected] of cases)
    assert.equal((await bookOf({ collateral })).description, expected)
  const hidden = await bookOf({ collateral: text('Trade', '<ContentAudience>02</ContentAudience>') })
  assert.equal('description' in hidden, false)
})

test('subjects are headings where the file has them and codes where it has not, the main one first', async () => {
  const subject = (scheme: string, code: string, more = '') =>
    `<Subject>${more}<SubjectSchemeIdentifier>${scheme}</SubjectSchemeIdentifier><SubjectCode>${code}</SubjectCode></Subject>`
  const book = await bookOf({
    descriptive: subject('10', 'FIC019000') + subject('93', 'FBA', '<MainSubject/>') + subject('12', 'FA'),
  })
  assert.deepEqual(book.subjects, ['FBA', 'FIC019000', 'FA'])
  assert.deepEqual(book.details?.subjects?.[0], { scheme: '93', code: 'FBA' })
})

test('a title is the product’s own, or its collection’s with the number of the part', async () => {
  const element = (level: string, parts: string) =>
    `<TitleElement><TitleElementLevel>${level}</TitleElementLevel>${parts}</TitleElement>`
  const detail = (elements: string, type = '01') =>
    `<TitleDetail><TitleType>${type}</TitleType>${elements}</TitleDetail>`
  const cases: [string, string][] = [
    [
      detail(
        element('01', '<PartNumber>3</PartNumber>') + element('02', '<TitleText>Great Series</TitleText>'),
      ),
      'Great Series 3',
    ],
    [
      detail(
        element('02', '<TitleText>Great Series</TitleText>') + element('01', '<TitleText>A Part</TitleText>'),
      ),
      'A Part',
    ],
    [
      detail(element('01', '<TitlePrefix>L’</TitlePrefix><TitleWithoutPrefix>Étranger</TitleWithoutPrefix>')),
      'L’Étranger',
    ],
    [detail(element('01', '<NoPrefix/><TitleWithoutPrefix>Dune</TitleWithoutPrefix>')), 'Dune'],
    [
      detail(element('01', '<TitleText>Urtitel</TitleText>'), '03') +
        detail(element('01', '<TitleText>Title</TitleText>')),
      'Title',
    ],
  ]
  for (const [title, expected] of cases) assert.equal((await bookOf({ title })).title, expected)
})

test('an update of some blocks tells only of those, and a test is no news', async () => {
  const xml = message({ supply: price() }).replace(/<DescriptiveDetail>.*<\/DescriptiveDetail>/, '')
  const [update] = await records(xml.replace('<NotificationType>03', '<NotificationType>04'))
  assert.ok(update?.kind === 'book')
  assert.deepEqual(Object.keys(update.book).sort(), ['isbn', 'price', 'prices'])
  for (const type of ['05', '88', '89']) {
    const [record] = await records(xml.replace('<NotificationType>03', `<NotificationType>${type}`))
    assert.equal(record?.kind === 'wrong' && record.field, 'NotificationType')
  }
})

test('what a shop does not need to sell a book is kept as its details', async () => {
  const { details } = await bookOf({
    descriptive:
      '<EditionNumber>2</EditionNumber><Extent><ExtentType>00</ExtentType><ExtentValue>312</ExtentValue><ExtentUnit>03</ExtentUnit></Extent>' +
      '<Measure><MeasureType>01</MeasureType><Measurement>8.5</Measurement><MeasureUnitCode>in</MeasureUnitCode></Measure>' +
      '<ProductFormFeature><ProductFormFeatureType>09</ProductFormFeatureType><ProductFormFeatureValue>14</ProductFormFeatureValue></ProductFormFeature>' +
      '<Collection><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>02</TitleElementLevel><PartNumber>4</PartNumber><TitleText>Series</TitleText></TitleElement></TitleDetail></Collection>',
    publishing: '<Imprint><ImprintName>Small Press</ImprintName></Imprint>',
  })
  assert.deepEqual(details, {
    imprint: 'Small Press',
    edition: '2',
    pages: 312,
    height: 215.9,
    accessibility: [{ code: '14' }],
    series: [{ title: 'Series', number: '4' }],
  })
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
    Buffer.from(`\ufeff${xml(' encoding="utf-16"')}`, 'utf16le'),
    Buffer.from(xml(' encoding="utf-16"'), 'utf16le'),
  ]
  for (const bytes of cases) {
    const [record] = await records(bytes)
    assert.equal(record?.kind === 'book' && record.book.title, 'Über Größe €')
  }
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
