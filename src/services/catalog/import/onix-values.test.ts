import assert from 'node:assert/strict'
import { test } from 'node:test'
import { berlin, bookOf, message, records } from '../../../../test/support/onix.ts'
import { Findings } from './findings.ts'

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

test('sales open when the embargo ends, at its time or at midnight where the shop is', async () => {
  const publishing =
    '<PublishingDate><PublishingDateRole>02</PublishingDateRole><Date>20270315</Date></PublishingDate>'
  assert.equal((await bookOf({ publishing })).salesOpenAt, '2027-03-15T00:00:00.000Z')
  assert.equal((await bookOf({ publishing }, berlin)).salesOpenAt, '2027-03-14T23:00:00.000Z')
  const at = async (time: string) =>
    (await bookOf({ publishing: publishing.replace('20270315', time) }, berlin)).salesOpenAt
  assert.equal(await at('20270315T0900'), '2027-03-15T08:00:00.000Z')
  assert.equal(await at('20270315T090000Z'), '2027-03-15T09:00:00.000Z')
  assert.equal(await at('2027-03-15T09:00:00-05:30'), '2027-03-15T14:30:00.000Z')
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
    ['<CorporateNameInverted>Examples, The</CorporateNameInverted>', 'The Examples'],
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
    ['<NamesBeforeKey>Eva</NamesBeforeKey>', 'Eva'],
    [
      '<TitlesBeforeNames>Dr</TitlesBeforeNames><PersonNameInverted>Doe, Jane</PersonNameInverted>',
      'Jane Doe',
    ],
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
      detail(element('01', '<PartNumber>Volume 2</PartNumber><TitleText>History of Rome</TitleText>')),
      'History of Rome, Volume 2',
    ],
    [
      detail(element('01', '<PartNumber>2</PartNumber><TitleText>History of Rome 2</TitleText>')),
      'History of Rome 2',
    ],
    [
      detail(element('01', '<TitleText>Almanac</TitleText><YearOfAnnual>2027</YearOfAnnual>')),
      'Almanac 2027',
    ],
    [
      detail(
        element('02', '<TitleText>Great Series</TitleText>') +
          element('01', '<PartNumber>3</PartNumber><TitleText>The Third</TitleText>'),
      ),
      'The Third',
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
  const part = detail(
    element('01', '<PartNumber>3</PartNumber>') + element('02', '<TitleText>Great Series</TitleText>'),
  )
  assert.deepEqual((await bookOf({ title: part })).details?.series, [{ title: 'Great Series', number: '3' }])
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

test('the works that a book is of, or comes from, are kept by the identifiers of the file', async () => {
  const work = (relation: string, ids: string) =>
    `<RelatedWork><WorkRelationCode>${relation}</WorkRelationCode>${ids}</RelatedWork>`
  const id = (scheme: string, value: string) =>
    `<WorkIdentifier><WorkIDType>${scheme}</WorkIDType><IDValue>${value}</IDValue></WorkIdentifier>`
  const related =
    work('01', id('11', 'A02 2009 000004BE B') + id('01', 'W-7')) +
    work('49', id('15', '9780441172719')) +
    work('01', '<Title>no identifier</Title>') +
    work('', id('11', 'of no relation'))
  const findings = new Findings()
  const [record] = await records(message({ related }), undefined, findings)
  assert.ok(record?.kind === 'book')
  assert.deepEqual(record.book.details, {
    works: [
      { relation: '01', scheme: '11', id: 'A02 2009 000004BE B' },
      { relation: '01', scheme: '01', id: 'W-7' },
      { relation: '49', scheme: '15', id: '9780441172719' },
    ],
  })
  assert.deepEqual(
    findings.notRead.filter(({ name }) => name.startsWith('RelatedWork ')),
    [{ name: 'RelatedWork without an identifier', count: 2 }],
  )
})

test('what cannot be read of a book’s details is noted or told as not read, and costs nothing else', async () => {
  const measure = (type: string, value: string, unit: string) =>
    `<Measure><MeasureType>${type}</MeasureType><Measurement>${value}</Measurement><MeasureUnitCode>${unit}</MeasureUnitCode></Measure>`
  const extent = (type: string, value: string, unit: string) =>
    `<Extent><ExtentType>${type}</ExtentType><ExtentValue>${value}</ExtentValue><ExtentUnit>${unit}</ExtentUnit></Extent>`
  const feature = (type: string, value: string) =>
    `<ProductFormFeature><ProductFormFeatureType>${type}</ProductFormFeatureType><ProductFormFeatureValue>${value}</ProductFormFeatureValue></ProductFormFeature>`
  const descriptive =
    measure('01', '21,5', 'cm') +
    measure('02', '14', 'cm') +
    measure('08', '300', 'stones') +
    measure('09', '12', 'cm') +
    measure('03', '1e1', 'mm') +
    extent('00', 'two hundred', '03') +
    extent('11', '0x10', '03') +
    extent('09', '00330', '15') +
    extent('22', '5', '19') +
    feature('09', 'WCAG') +
    feature('01', 'BLU')
  const collateral =
    '<SupportingResource><ResourceContentType>01</ResourceContentType><ResourceVersion><ResourceLink>http://pictures.example.org/dune.jpg</ResourceLink></ResourceVersion></SupportingResource>'
  const findings = new Findings()
  const [record] = await records(message({ descriptive, collateral }), berlin, findings)
  assert.ok(record?.kind === 'book')
  assert.deepEqual(record.book.details, { minutes: 210, width: 140 })
  assert.deepEqual(
    record.notes?.map(({ field, kind, from }) => [field, kind, from]),
    [
      ['pages', 'left-out', 'two hundred (unit 03)'],
      ['pages', 'left-out', '0x10 (unit 03)'],
      ['height', 'left-out', '21,5 cm'],
      ['weight', 'left-out', '300 stones'],
      ['thickness', 'left-out', '1e1 mm'],
      ['accessibility', 'left-out', 'WCAG'],
      ['coverLink', 'left-out', 'http://pictures.example.org/dune.jpg'],
    ],
  )
  const told = new Map(findings.notRead.map(({ name, count }) => [name, count]))
  assert.deepEqual(
    ['Measurement', 'ExtentValue', 'ProductFormFeatureValue'].map((name) => told.get(name)),
    [1, 1, 1],
  )
})

test('ages are those that the range means', async () => {
  const range = (...pairs: [string, string][]) =>
    `<AudienceRange><AudienceRangeQualifier>17</AudienceRangeQualifier>${pairs
      .map(
        ([precision, value]) =>
          `<AudienceRangePrecision>${precision}</AudienceRangePrecision><AudienceRangeValue>${value}</AudienceRangeValue>`,
      )
      .join('')}</AudienceRange>`
  const cases: [string, string][] = [
    [range(['03', '8'], ['04', '12']), '8–12 years'],
    [range(['04', '12'], ['03', '8']), '8–12 years'],
    [range(['03', '8']), 'from 8 years'],
    [range(['04', '12']), 'up to 12 years'],
    [range(['01', '7']), '7 years'],
    [range(['03', '18']).replace('>17<', '>16<'), 'from 18 months'],
  ]
  for (const [descriptive, expected] of cases)
    assert.deepEqual((await bookOf({ descriptive })).details?.audience, [expected])
})

test('availability is said in the codes of list 65, also where 2.1 says it in those of list 54', async () => {
  const said = async (supply: string) => (await bookOf({ supply })).details?.availability
  assert.equal(await said('<ProductAvailability>21</ProductAvailability>'), '21')
  assert.equal(await said('<AvailabilityCode>OP</AvailabilityCode>'), '51')
  assert.equal(await said('<j141>TO</j141>'), '22')
  assert.equal(
    await said('<AvailabilityCode>IP</AvailabilityCode><ProductAvailability>11</ProductAvailability>'),
    '11',
  )
  assert.equal(await said('<AvailabilityCode>CS</AvailabilityCode>'), undefined)
  assert.equal(await said('<AvailabilityCode>XX</AvailabilityCode>'), undefined)
})
