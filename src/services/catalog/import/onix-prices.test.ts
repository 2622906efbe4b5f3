import assert from 'node:assert/strict'
import { test } from 'node:test'
import { berlin, bookOf, message, records } from '../../../../test/support/onix.ts'
import { Findings } from './findings.ts'
import { type ImportedBook, type Shop, shopDefaults } from './source.ts'

type PriceParts = { type?: string; amount?: string; currency?: string; more?: string }
const price = ({ type = '02', amount = '9.99', currency = 'EUR', more = '' }: PriceParts = {}) =>
  `<Price><PriceType>${type}</PriceType>${more}<PriceAmount>${amount}</PriceAmount>${currency && `<CurrencyCode>${currency}</CurrencyCode>`}</Price>`
const dated = (role: string, date: string) =>
  `<PriceDate><PriceDateRole>${role}</PriceDateRole><Date dateformat="00">${date}</Date></PriceDate>`
const freeOfCharge = (more: string) =>
  `<Price><PriceType>02</PriceType><UnpricedItemType>01</UnpricedItemType>${more}</Price>`
const priceText = (book: ImportedBook) =>
  book.price === null
    ? 'none'
    : book.price === undefined
      ? book.priceIsUnreadable
        ? 'unreadable'
        : undefined
      : `${book.price.amount} ${book.price.currency}`

const other = price({ amount: '15.00' })
/** What is offered, and what a reader is shown of it. */
const oneOfMany: [string, string, string | undefined][] = [
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
  [
    'a library’s alone',
    price({ amount: '99.00', more: '<PriceQualifier>10</PriceQualifier>' }),
    'unreadable',
  ],
  [
    'an offer with an end',
    price({ amount: '5.00', more: `<PriceQualifier>08</PriceQualifier>${dated('15', '20261231')}` }) + other,
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
  ['net', price({ type: '05', amount: '5.00' }), 'unreadable'],
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
  [
    'without tax, whose parts are taxed otherwise',
    price({
      type: '01',
      amount: '15.00',
      more: '<Tax><TaxRatePercent>19</TaxRatePercent><TaxableAmount>5</TaxableAmount><TaxAmount>0.95</TaxAmount></Tax><Tax><TaxRatePercent>7</TaxRatePercent><TaxableAmount>10</TaxableAmount></Tax>',
    }),
    '1665 EUR',
  ],
  [
    'the same in 2.1',
    price({
      type: '01',
      amount: '15.00',
      more: '<TaxRatePercent1>19</TaxRatePercent1><TaxableAmount1>5</TaxableAmount1><TaxAmount1>0.95</TaxAmount1><TaxRatePercent2>7</TaxRatePercent2><TaxableAmount2>10</TaxableAmount2><TaxAmount2>0.70</TaxAmount2>',
    }),
    '1665 EUR',
  ],
  ['three decimals', price({ amount: '12.990' }), '1299 EUR'],
  ['a comma before three digits', price({ amount: '12,990' }), 'unreadable'],
  ['a comma before two', price({ amount: '12,99' }), '1299 EUR'],
  ['thousands before a point', price({ amount: '1,234.50' }), '123450 EUR'],
  ['three decimals of dinars', price({ amount: '1.250', currency: 'KWD' }), '1250 KWD'],
  ['no currency', price({ currency: 'RRP' }), 'unreadable'],
  ['no amount', price({ amount: 'POA' }), 'unreadable'],
  ['an unreadable date', price({ more: dated('14', '20261399') }) + other, '1500 EUR'],
  ['free of charge', '<UnpricedItemType>01</UnpricedItemType>', '0 EUR'],
  ['free of charge later', freeOfCharge(dated('14', '20300101')), 'none'],
  [
    'free of charge until now',
    freeOfCharge(dated('15', '20261231')) + price({ more: dated('14', '20270101') }),
    '0 EUR',
  ],
  [
    'free of charge no more',
    freeOfCharge(dated('15', '20251231')) + price({ currency: 'GBP', more: dated('14', '20260101') }),
    '999 GBP',
  ],
  ['to be announced', '<UnpricedItemType>02</UnpricedItemType>', 'none'],
  ['unpriced in its price', '<Price><UnpricedItemType>04</UnpricedItemType></Price>', 'none'],
  [
    'free of charge for libraries',
    '<Price><PriceType>02</PriceType><PriceQualifier>06</PriceQualifier><UnpricedItemType>01</UnpricedItemType></Price>',
    'unreadable',
  ],
  [
    'a class of trade',
    price({ amount: '50.00', more: '<ClassOfTrade>Library</ClassOfTrade>' }) + other,
    '1500 EUR',
  ],
  ['a class of trade alone', price({ more: '<ClassOfTrade>lib</ClassOfTrade>' }), 'unreadable'],
  ['a class that is everybody', price({ more: '<ClassOfTrade>gen</ClassOfTrade>' }), '999 EUR'],
  ['no amount at all', '<Price><PriceType>02</PriceType></Price>', 'unreadable'],
  ['zero', price({ amount: '0.00' }), '0 EUR'],
  ['nothing told', '', undefined],
]

test('the price is the one that a reader of this shop pays for one copy today', async () => {
  for (const [name, supply, expected] of oneOfMany)
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
    [us, berlin, 'unreadable'],
    [notHere, berlin, 'unreadable'],
    [us + world, shopDefaults, '600 EUR'],
  ]
  for (const [supply, shop, expected] of cases)
    assert.equal(priceText(await bookOf({ supply }, shop)), expected)
})

test('a book that may not be sold in the shop’s country has no price there, and the note says why', async () => {
  const rights = (type: string, territory: string) =>
    `<SalesRights><SalesRightsType>${type}</SalesRightsType><Territory>${territory}</Territory></SalesRights>`
  const de = '<CountriesIncluded>DE AT</CountriesIncluded>'
  const us = '<CountriesIncluded>US</CountriesIncluded>'
  const world = '<RegionsIncluded>WORLD</RegionsIncluded>'
  const cases: [string, Shop, string | undefined][] = [
    [rights('03', de), berlin, 'none'],
    [rights('06', world), berlin, 'none'],
    [rights('03', world) + rights('01', de), berlin, '999 EUR'],
    [`${rights('01', us)}<ROWSalesRightsType>03</ROWSalesRightsType>`, berlin, 'none'],
    [rights('01', us), berlin, '999 EUR'],
    [rights('02', world) + rights('03', us), berlin, '999 EUR'],
    [rights('03', de), shopDefaults, '999 EUR'],
  ]
  for (const [publishing, shop, expected] of cases)
    assert.equal(priceText(await bookOf({ publishing, supply: price() }, shop)), expected, publishing)
  const old = message({ supply: price() }).replace(
    '<ProductSupply>',
    '<NotForSale><RightsCountry>DE</RightsCountry></NotForSale><ProductSupply>',
  )
  const [record] = await records(old, berlin)
  assert.ok(record?.kind === 'book')
  assert.equal(priceText(record.book), 'none')
  assert.match(record.notes?.[0]?.message ?? '', /not for sale in DE/)
})

test('where every price is for somebody else, the note says for whom, and no other price takes its place', async () => {
  const market = (country: string) =>
    `<ProductSupply><Market><Territory><CountriesIncluded>${country}</CountriesIncluded></Territory></Market><SupplyDetail>${price({ amount: '3.00' })}</SupplyDetail></ProductSupply>`
  const cases: [string, string, string][] = [
    [
      price({ amount: '99.00', more: '<PriceQualifier>06</PriceQualifier>' }),
      '99.00 EUR',
      'qualifier 06 is for some buyers only',
    ],
    [price({ type: '05' }), '9.99 EUR', 'type 05 is not what readers pay'],
    [
      price({ more: '<MinimumOrderQuantity>10</MinimumOrderQuantity>' }),
      '9.99 EUR',
      'is for several copies at once',
    ],
    [
      price({ more: '<Territory><CountriesIncluded>US</CountriesIncluded></Territory>' }),
      '9.99 EUR',
      'is not for DE',
    ],
    [price({ more: dated('15', '20251231') }), '9.99 EUR until 2025-12-31', 'no price is in force today'],
    [price({ more: dated('14', '20270101') }), '9.99 EUR from 2027-01-01', 'no price is in force today'],
  ]
  for (const [supply, from, why] of cases) {
    const [record] = await records(message({ supply }), berlin)
    assert.ok(record?.kind === 'book')
    assert.deepEqual(
      record.notes?.map((note) => [note.kind, note.from, note.message]),
      [['left-out', from, why]],
    )
  }
  const elsewhere = message({}).replace(/<ProductSupply>.*<\/ProductSupply>/, market('US'))
  const [record] = await records(elsewhere, berlin)
  assert.ok(record?.kind === 'book')
  assert.equal(record.book.priceIsUnreadable, true)
  assert.match(record.notes?.[0]?.message ?? '', /is not for DE/)
  const [here] = await records(elsewhere.replace('</Product>', `${market('DE AT')}</Product>`), berlin)
  assert.equal(here?.kind === 'book' ? priceText(here.book) : '', '300 EUR')
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
  const forLibraries =
    '<DefaultPriceTypeCode>02</DefaultPriceTypeCode><DefaultClassOfTrade>library</DefaultClassOfTrade><DefaultTaxes>x</DefaultTaxes>'
  const [library] = await records(message({ header: forLibraries, supply }), shopDefaults, findings)
  assert.ok(library?.kind === 'book')
  assert.equal(priceText(library.book), 'unreadable')
  assert.deepEqual(findings.notRead, [{ name: 'DefaultTaxes', count: 1 }])
  const units = '<DefaultLinearUnit>cm</DefaultLinearUnit><DefaultWeightUnit>kg</DefaultWeightUnit>'
  const measure = (type: string, value: string) =>
    `<Measure><MeasureType>${type}</MeasureType><Measurement>${value}</Measurement></Measure>`
  const measured = await bookOf({ header: units, descriptive: measure('01', '20.5') + measure('08', '0.4') })
  assert.deepEqual([measured.details?.height, measured.details?.weight], [205, 400])
  const short = `<ONIXmessage><header><m184>fre</m184><m185>02</m185><m186>CHF</m186></header><product>
    <productidentifier><b221>15</b221><b244>9780441172719</b244></productidentifier><title><b202>01</b202><b203>T</b203></title>
    <supplydetail><price><j151>8</j151></price></supplydetail></product></ONIXmessage>`
  const [old] = await records(short)
  assert.ok(old?.kind === 'book')
  assert.deepEqual([old.book.language, priceText(old.book)], ['fr', '800 CHF'])
})
