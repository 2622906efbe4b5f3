import { checkDigit13 } from '#kernel/isbn'

/** What a generated record has wrong with it, and what has to become of it. */
export type RecordKind = 'good' | 'repaired' | 'refused' | 'deletion'

type Parts = {
  isbn: string
  notification: string
  title: string
  descriptive: string
  publishing: string
  price: string
}
type Fault = { kind: RecordKind; change: (parts: Parts) => Partial<Parts>; damage?: (xml: string) => string }

/** Every kind of fault that feeds were seen with. A value that can be done without costs that value, never the book. */
const faults: readonly Fault[] = [
  { kind: 'refused', change: ({ isbn }) => ({ isbn: isbn.slice(0, 12) + ((Number(isbn[12]) + 1) % 10) }) },
  { kind: 'refused', change: () => ({ isbn: '' }) },
  { kind: 'refused', change: () => ({ isbn: '9.78E+12' }) },
  { kind: 'refused', change: () => ({ title: '' }) },
  { kind: 'refused', change: () => ({ title: 'Dam\u0001aged' }) },
  { kind: 'refused', change: () => ({ title: 'Not &lt;well <formed' }) },
  { kind: 'refused', change: () => ({}), damage: (xml) => xml.replace('</Product>', '</Prodcut></Product>') },
  { kind: 'refused', change: () => ({ notification: '89' }) },
  { kind: 'deletion', change: () => ({ notification: '05' }) },
  { kind: 'repaired', change: () => ({ title: 'Bread & Butter' }) },
  { kind: 'repaired', change: () => ({ title: 'Long title '.repeat(80) }) },
  { kind: 'repaired', change: () => ({ price: priced('12,50', 'EUR') }) },
  { kind: 'repaired', change: () => ({ price: priced('twelve', 'EUR') }) },
  { kind: 'repaired', change: () => ({ price: priced('12.50', 'RRP') }) },
  { kind: 'repaired', change: () => ({ price: '<UnpricedItemType>02</UnpricedItemType>' }) },
  { kind: 'repaired', change: () => ({ publishing: dated('20270231') }) },
  { kind: 'repaired', change: () => ({ publishing: dated('202745', '02') }) },
  { kind: 'repaired', change: () => ({ descriptive: language('xq9') }) },
  {
    kind: 'good',
    change: () => ({ descriptive: '<Contributor><ContributorRole>A01</ContributorRole></Contributor>' }),
  },
]

/** One record in so many is at fault. */
const faultEvery = 4

const priced = (amount: string, currency: string) =>
  `<Price><PriceType>02</PriceType><PriceAmount>${amount}</PriceAmount><CurrencyCode>${currency}</CurrencyCode></Price>`
const dated = (date: string, format = '00') =>
  `<PublishingDate><PublishingDateRole>01</PublishingDateRole><Date dateformat="${format}">${date}</Date></PublishingDate>`
const language = (code: string) =>
  `<Language><LanguageRole>01</LanguageRole><LanguageCode>${code}</LanguageCode></Language>`

function generatedIsbn(i: number): string {
  const twelve = `979${String(100_000_000 + i)}`
  return twelve + checkDigit13(twelve)
}

/** Which kind the record of a number is. */
export function kindOf(i: number): RecordKind {
  return faultOf(i)?.kind ?? 'good'
}

const faultOf = (i: number) =>
  i % faultEvery === 3 ? faults[Math.floor(i / faultEvery) % faults.length] : undefined

/** A record of a feed with a text of a few paragraphs, on a line of its own. @param edition changes the price */
function generatedProduct(i: number, edition = 0): string {
  const fault = faultOf(i)
  const good: Parts = {
    isbn: generatedIsbn(i),
    notification: '03',
    title: `The book of ${i}`,
    descriptive: language('eng'),
    publishing: dated(`20${String(10 + (i % 17))}0${1 + (i % 9)}15`),
    price: priced(`${5 + (i % 40)}.${edition}0`, 'EUR'),
  }
  const parts = { ...good, ...fault?.change(good) }
  const xml =
    `<Product><RecordReference>feed-${i}</RecordReference><NotificationType>${parts.notification}</NotificationType><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${parts.isbn}</IDValue></ProductIdentifier>` +
    `<DescriptiveDetail><ProductComposition>00</ProductComposition><ProductForm>BC</ProductForm><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>${parts.title}</TitleText></TitleElement></TitleDetail><Contributor><SequenceNumber>1</SequenceNumber><ContributorRole>A01</ContributorRole><NamesBeforeKey>Ann ${i % 977}</NamesBeforeKey><KeyNames>Example</KeyNames></Contributor>${parts.descriptive}<Subject><MainSubject/><SubjectSchemeIdentifier>93</SubjectSchemeIdentifier><SubjectCode>F${'BKLMP'[i % 5]}</SubjectCode></Subject></DescriptiveDetail>` +
    `<CollateralDetail><TextContent><TextType>03</TextType><ContentAudience>00</ContentAudience><Text textformat="05"><p>${'Words of a text that a publisher wrote. '.repeat(12)}</p><p>${i}</p></Text></TextContent></CollateralDetail>` +
    `<PublishingDetail><Publisher><PublishingRole>01</PublishingRole><PublisherName>Press ${i % 53}</PublisherName></Publisher>${parts.publishing}</PublishingDetail>` +
    `<ProductSupply><SupplyDetail><Supplier><SupplierRole>01</SupplierRole><SupplierName>S</SupplierName></Supplier><ProductAvailability>20</ProductAvailability>${parts.price}</SupplyDetail></ProductSupply></Product>\n`
  return fault?.damage?.(xml) ?? xml
}

export function* generatedOnix(count: number, edition: (i: number) => number = () => 0): Generator<string> {
  yield '<?xml version="1.0" encoding="UTF-8"?>\n<ONIXMessage release="3.0"><Header><Sender><SenderName>Feed</SenderName></Sender></Header>\n'
  for (let i = 0; i < count; i++) yield generatedProduct(i, edition(i))
  yield '</ONIXMessage>\n'
}

/** Rows as a wholesaler's list has them; one in a hundred is no book. */
export function* generatedCsv(count: number): Generator<string> {
  yield 'isbn;title;author;publisher;published;language;price;copies\n'
  for (let i = 0; i < count; i++) {
    const isbn = i % 100 === 99 ? '9780000000000' : generatedIsbn(i)
    yield `${isbn};The book of ${i};Example, Ann ${i % 977};Press ${i % 53};${1990 + (i % 36)};eng;${5 + (i % 40)},90;${i % 7}\n`
  }
}
