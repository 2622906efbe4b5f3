import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOnix } from './read-onix.ts'
import { type ImportedBook, type SourceRecord, shopDefaults, UnreadableFile } from './source.ts'

/** Reads a message in small pieces after its beginning, as no boundary of a piece may matter. */
async function read(text: string | Uint8Array, pieceBytes = 7): Promise<SourceRecord[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  async function* pieces() {
    yield bytes.subarray(0, 400)
    for (let i = 400; i < bytes.length; i += pieceBytes) yield bytes.subarray(i, i + pieceBytes)
  }
  const records: SourceRecord[] = []
  for await (const record of readOnix(pieces(), { mapping: {}, shop: shopDefaults, nowMs: 0 }))
    records.push(record)
  return records
}

const reference = `<?xml version="1.0" encoding="UTF-8"?>
<ONIXMessage release="3.0" xmlns="http://ns.editeur.org/onix/3.0/reference">
 <Header><Sender><SenderName>Publisher &amp; Sons</SenderName></Sender></Header>
 <Product>
  <RecordReference>r1</RecordReference><NotificationType>03</NotificationType>
  <ProductIdentifier><ProductIDType>01</ProductIDType><IDValue>9999</IDValue></ProductIdentifier>
  <ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780141439518</IDValue></ProductIdentifier>
  <DescriptiveDetail>
   <ProductForm>BC</ProductForm>
   <Collection><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>02</TitleElementLevel><TitleText>The series</TitleText></TitleElement></TitleDetail></Collection>
   <TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel>
    <TitlePrefix>The</TitlePrefix><TitleWithoutPrefix>Prejudice</TitleWithoutPrefix><Subtitle>And pride</Subtitle></TitleElement></TitleDetail>
   <Contributor><SequenceNumber>1</SequenceNumber><ContributorRole>A01</ContributorRole><PersonNameInverted>Austen, Jane</PersonNameInverted></Contributor>
   <Contributor><ContributorRole>B06</ContributorRole><NamesBeforeKey>Ana</NamesBeforeKey><KeyNames>Übersetzer</KeyNames></Contributor>
   <Language><LanguageRole>01</LanguageRole><LanguageCode>eng</LanguageCode></Language>
   <Subject><SubjectHeadingText>Romance; Classics</SubjectHeadingText></Subject>
  </DescriptiveDetail>
  <CollateralDetail><TextContent><TextType>03</TextType><Text textformat="05"><p>One &amp; <em>only</em>.</p><p>Two.</p></Text></TextContent></CollateralDetail>
  <PublishingDetail><Publisher><PublishingRole>01</PublishingRole><PublisherName>Penguin</PublisherName></Publisher>
   <PublishingDate><PublishingDateRole>01</PublishingDateRole><Date>20021231</Date></PublishingDate></PublishingDetail>
  <RelatedMaterial><RelatedProduct><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780441172719</IDValue></ProductIdentifier></RelatedProduct></RelatedMaterial>
  <ProductSupply><SupplyDetail><Price><PriceType>01</PriceType><PriceAmount>7.00</PriceAmount><CurrencyCode>GBP</CurrencyCode></Price>
   <Price><PriceType>02</PriceType><PriceAmount>8.5</PriceAmount><CurrencyCode>GBP</CurrencyCode></Price></SupplyDetail></ProductSupply>
 </Product>
</ONIXMessage>`

test('an ONIX 3.0 product with reference names is read, and its series and relatives are not taken for it', async () => {
  assert.deepEqual(await read(reference), [
    {
      record: 1,
      line: 4,
      mayRepeat: true,
      kind: 'book',
      book: {
        isbn: '9780141439518',
        title: 'The Prejudice',
        subtitle: 'And pride',
        contributors: [
          { name: 'Jane Austen', role: 'author' },
          { name: 'Ana Übersetzer', role: 'translator' },
        ],
        subjects: ['Romance', 'Classics'],
        language: 'en',
        price: { amount: 850, currency: 'GBP' },
        prices: [],
        publisher: 'Penguin',
        publishedOn: '2002-12-31',
        description: 'One & only.\n\nTwo.',
        format: 'paperback',
        details: { series: [{ title: 'The series' }] },
      },
    },
  ])
})

test('an ONIX 2.1 product with short tags, Latin-1 and named characters is read', async () => {
  const short = `<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE ONIXmessage SYSTEM "http://www.editeur.org/onix/2.1/short/onix-international.dtd">
<ONIXmessage><product><a001>1</a001><a002>03</a002>
<productidentifier><b221>02</b221><b244>0141439513</b244></productidentifier><b012>BB</b012>
<title><b202>01</b202><b203>L&eacute;a \u00e9</b203></title>
<contributor><b035>A01</b035><b036>Colette</b036></contributor><b003>1920</b003>
<language><b253>01</b253><b252>fre</b252></language>
<othertext><d102>01</d102><d104>Paris.</d104></othertext>
<supplydetail><price><j148>02</j148><j151>12</j151><j152>EUR</j152></price></supplydetail>
</product></ONIXmessage>`
  const [record] = await read(Buffer.from(short, 'latin1'))
  assert.equal(record?.kind, 'book')
  const book = record?.kind === 'book' ? record.book : undefined
  assert.deepEqual(
    [
      book?.isbn,
      book?.title,
      book?.contributors,
      book?.publishedOn,
      book?.language,
      book?.format,
      book?.price,
      book?.description,
    ],
    [
      '9780141439518',
      'Léa é',
      [{ name: 'Colette', role: 'author' }],
      '1920',
      'fr',
      'hardcover',
      { amount: 1200, currency: 'EUR' },
      'Paris.',
    ],
  )
})

test('a product that cannot be taken is reported, and its neighbours are taken', async () => {
  const product = (isbn: string, title: string, more = '') =>
    `<Product>${more}<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbn}</IDValue></ProductIdentifier>` +
    `<DescriptiveDetail><TitleDetail><TitleType>01</TitleType><TitleElement><TitleText>${title}</TitleText></TitleElement></TitleDetail></DescriptiveDetail></Product>\n`
  const records = await read(
    `<ONIXMessage>\n${product('9780141439519', 'Wrong')}${product('9780441172719', '')}${product('9780441172719', 'Deleted', '<NotificationType>05</NotificationType>')}${product('9780441172719', 'x'.repeat(2_100_000))}${product('9780441172719', 'Dune')}</ONIXMessage>`,
    65_536,
  )
  assert.deepEqual(
    records.map((record) => [
      record.line,
      record.kind === 'wrong' ? record.field : record.kind === 'book' ? record.book.title : record.kind,
    ]),
    [
      [2, 'isbn'],
      [3, undefined],
      [4, 'deletion'],
      [5, 'product'],
      [6, 'Dune'],
    ],
  )
})

test('entities of the file are not expanded, and what is no ONIX or is cut off is told', async () => {
  const laughs =
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY bb "&a;&a;"><!ENTITY cc SYSTEM "file:///etc/passwd">]>'
  assert.equal((await bookWith(described('&a; &bb; &cc;'), laughs)).description, '&a; &bb; &cc;')
  const klingon = '<?xml version="1.0" encoding="klingon"?>'
  const wrong: [string | Uint8Array, RegExp][] = [
    ['<html><body/></html>', /no ONIX message/],
    ['<ONIXMessage><Product>', /cut off/],
    [reference.slice(0, 900), /cut off/],
    ['<ONIXMessage><Product></Wrong>', /cut off/],
    ['', /empty/],
    ['isbn,title', /not XML/],
    [Buffer.from(`${klingon}<ONIXMessage>\xc4\xd6</ONIXMessage>`, 'latin1'), /encoding "klingon"/],
    [`<ONIXMessage><${'x'.repeat(200_000)}/></ONIXMessage>`, /a tag is longer than 64 KiB/],
    ['<?xml version="1.0"?>', /no ONIX message/],
  ]
  for (const [text, message] of wrong)
    await assert.rejects(read(text, 65_536), (error) => {
      assert.ok(error instanceof UnreadableFile, String(error))
      assert.match(error.message, message)
      return true
    })
  assert.deepEqual(await read('<ONIXMessage release="3.0"><NoProduct/></ONIXMessage>', 64), [])
})

/** The book of a product that has little more than what it is asked about. */
async function bookWith(composites: string, prolog = ''): Promise<ImportedBook> {
  const [record] = await read(
    `${prolog}<ONIXMessage><Product><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780441172719</IDValue></ProductIdentifier>
     <Title><TitleText>Dune</TitleText></Title>${composites}</Product></ONIXMessage>`,
  )
  if (record?.kind !== 'book') throw new Error(`no book: ${JSON.stringify(record)}`)
  return record.book
}

const described = (text: string) =>
  `<OtherText><TextTypeCode>01</TextTypeCode><Text>${text}</Text></OtherText>`

test('every named character of XHTML is known, and an unknown name does not end the import', async () => {
  const { description } = await bookWith(
    described('&eacute;&Yuml;&fnof;&alpha;&Omega;&dagger;&lsaquo;&rarr;&hearts; &sect;4&thinsp;% &unheard;'),
  )
  assert.equal(description, 'éŸƒαΩ†‹→♥ §4 % &unheard;')
  assert.equal((await bookWith(described('&amp;zwnj;|'))).description, '\u200c|')
})

test('the price is a retail price, with tax before without, in the wanted currency where it is there; never a net one', async () => {
  const price = (text: string) => {
    const [type, amount, currency] = text.split(' ')
    return `<Price>${type && `<PriceType>${type}</PriceType>`}<PriceAmount>${amount}</PriceAmount>${currency ? `<CurrencyCode>${currency}</CurrencyCode>` : ''}</Price>`
  }
  const cases: [string[], string | undefined][] = [
    [['01 9.00 EUR', '04 10.00 EUR'], '1000 EUR'],
    [['05 6.00 EUR', '03 9.00 EUR'], '900 EUR'],
    [['02 8.00 GBP', '02 10.00 EUR'], '1000 EUR'],
    [['02 8.00 GBP', '42 11.00 EUR', '01 9.00 EUR'], '1100 EUR'],
    [['42 8.00 GBP', '01 9.00 EUR'], '900 EUR'],
    [['41 8.00 GBP', '07 9.00 EUR'], '800 GBP'],
    [[' 7.00 EUR', '02 8.00'], '800 EUR'],
    [[' 7.00 EUR', '05 6.00 EUR'], '700 EUR'],
    [['05 6.00 EUR', '06 6.00 EUR', '07 6.00 EUR', '08 6.00 EUR', '09 6.00 EUR', '15 6.00 EUR'], undefined],
  ]
  for (const [prices, expected] of cases) {
    const book = await bookWith(`<SupplyDetail>${prices.map(price).join('')}</SupplyDetail>`)
    assert.equal(book.price && `${book.price.amount} ${book.price.currency}`, expected, prices.join(', '))
  }
})

test('contributors and subjects that a product does not tell of are left out, and none at all is told', async () => {
  const silent = await bookWith('')
  assert.deepEqual(['contributors' in silent, 'subjects' in silent], [false, false])
  assert.deepEqual((await bookWith('<NoContributor/>')).contributors, [])
  assert.deepEqual((await bookWith('<n339></n339>')).contributors, [])
})

test('keywords are no subjects', async () => {
  const subject = (scheme: string, text: string) =>
    `<Subject><SubjectSchemeIdentifier>${scheme}</SubjectSchemeIdentifier><SubjectHeadingText>${text}</SubjectHeadingText></Subject>`
  const book = await bookWith(subject('24', 'Deserts') + subject('20', 'sand; worms; spice'))
  assert.deepEqual(book.subjects, ['Deserts'])
  assert.equal((await bookWith('<subject><b067>20</b067><b070>sand</b070></subject>')).subjects, undefined)
})
