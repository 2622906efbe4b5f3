import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from './findings.ts'
import { readCsv } from './read-csv.ts'
import { type ImportedBook, type SourceRecord, shopDefaults } from './source.ts'

async function records(
  text: string | Uint8Array,
  charset?: string,
  findings = new Findings(),
): Promise<SourceRecord[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += 100) yield bytes.subarray(i, i + 100)
  }
  const options = {
    mapping: {},
    shop: shopDefaults,
    nowMs: 0,
    findings,
    ...(charset !== undefined && { charset }),
  }
  const found: SourceRecord[] = []
  for await (const record of readCsv(pieces(), options)) found.push(record)
  return found
}

async function books(text: string | Uint8Array, charset?: string): Promise<ImportedBook[]> {
  return (await records(text, charset)).map((record) => {
    if (record.kind === 'wrong') throw new Error(`line ${record.line}: ${record.message}`)
    return record.book
  })
}

const priceText = ({ price, priceIsUnreadable }: ImportedBook) =>
  price == null ? (priceIsUnreadable ? 'unreadable' : undefined) : `${price.amount} ${price.currency}`
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`

test('a price is read as it is written, and only a currency of ISO 4217 is one', async () => {
  const cases: [string, string][] = [
    ['12.99', '1299 EUR'],
    ['12,99', '1299 EUR'],
    ['12.5', '1250 EUR'],
    ['12.990000', '1299 EUR'],
    ['1.234,56 €', '123456 EUR'],
    ['1,234.56', '123456 EUR'],
    ["1'234.50 CHF", '123450 CHF'],
    ['1 234,50', '123450 EUR'],
    ['12,-', '1200 EUR'],
    ['12.–', '1200 EUR'],
    ['US$12.99', '1299 USD'],
    ['$12.99 USD', '1299 USD'],
    ['£8.99 GBP', '899 GBP'],
    ['EUR 12,99', '1299 EUR'],
    ['12.90 euros', '1290 EUR'],
    ['129,00 zł', '12900 PLN'],
    ['kr 129', '12900 SEK'],
    ['Rs. 499', '49900 INR'],
    ['R$ 49,90', '4990 BRL'],
    ['RRP 12.99', '1299 EUR'],
    ['12,90 TTC', '1290 EUR'],
    ['12,90 € (inkl. MwSt.)', '1290 EUR'],
    ['$12.99', 'unreadable'],
    ['12.99 XYZ', 'unreadable'],
    ['12 EUR / 14 USD', 'unreadable'],
    ['-1', 'unreadable'],
    ['tba', 'unreadable'],
    ['', 'undefined'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,price\n9780441172719,Dune,${quoted(cell)}\n`)
    assert.equal(String(book && priceText(book)), expected, cell)
  }
})

test('three digits after a mark are read by what the file shows elsewhere', async () => {
  const list = async (delimiter: string, ...prices: string[]) => {
    const rows = prices.map((price, i) => [`978000000${'0123456789'[i]}`, price])
    const isbns = ['9780441172719', '9780141439518', '9780306406157']
    const text = [
      `isbn${delimiter}price`,
      ...rows.map(([, price], i) => `${isbns[i]}${delimiter}${quoted(price ?? '')}`),
    ]
    return (await books(`${text.join('\n')}\n`)).map(priceText)
  }
  assert.deepEqual(await list(',', '9.990', '12.50'), ['999 EUR', '1250 EUR'])
  assert.deepEqual(await list(',', '9.990', '12,50'), ['999000 EUR', '1250 EUR'])
  assert.deepEqual(await list(';', '9.990', '5'), ['999000 EUR', '500 EUR'])
  assert.deepEqual(await list('\t', '9.990', '5'), ['unreadable', '500 EUR'])
})

test('columns are found by meaning, in the languages of the shop, and a price column may say its currency', async () => {
  const cases: [string, string][] = [
    ['isbn,title,Price (EUR)', '990 EUR'],
    ['isbn,title,Price GBP', '990 GBP'],
    ['isbn,title,Regular price', '990 EUR'],
    ['ISBN-13,BOOK TITLE,RRP', '990 EUR'],
    ['ISBN,Titel,Preis (inkl. MwSt.)', '990 EUR'],
    ['ISBN,Titre,Prix TTC', '990 EUR'],
    ['ISBN,Título,PVP', '990 EUR'],
    ['Codice ISBN,Titolo,Prezzo di copertina (€)', '990 EUR'],
    ['EAN,Titel,Ladenpreis CHF', '990 CHF'],
    ['"GTIN, UPC, EAN, or ISBN",Name,Regular price', '990 EUR'],
  ]
  for (const [header, expected] of cases) {
    const [book] = await books(`${header}\n9780441172719,Dune,9.90\n`)
    assert.deepEqual([book?.title, book && priceText(book)], ['Dune', expected], header)
  }
})

test('a column that is not read is named, and a trade price is not taken for the price', async () => {
  const findings = new Findings()
  const [record] = await records(
    'isbn,title,Trade price,Shelf\n9780441172719,Dune,4.00,A3\n',
    undefined,
    findings,
  )
  assert.equal(record?.kind === 'book' && record.book.price, undefined)
  assert.deepEqual(findings.notRead, [
    { name: 'Trade price', count: 1 },
    { name: 'Shelf', count: 1 },
  ])
})

test('an ISBN is found in its cell whatever decorates it', async () => {
  const forms = [
    "'9780441172719",
    '\u202a9780441172719\u202c',
    'ISBN 9780441172719',
    'ISBN-13: 978-0-441-17271-9',
    '[9780441172719]',
    '9780441172719 (pbk.)',
    '９７８０４４１１７２７１９',
    '="9780441172719"',
    '9780441172719.0',
    '0-441-17271-7',
    '441172717',
    '0441172717; 9780441172719',
    'urn:isbn:9780441172719',
    '978044117271951299',
    '9780441172719 / 9780441172718',
    '978–0–441–17271–9',
  ]
  for (const form of forms) {
    const [book] = await books(`isbn,title\n${quoted(form)},Dune\n`)
    assert.equal(book?.isbn, '9780441172719', form)
  }
  for (const form of ['9.78E+12', '9780441172718', '4006381333931', 'none']) {
    const [record] = await records(`isbn,title\n${form},Dune\n`)
    assert.equal(record?.kind === 'wrong' && record.field, 'isbn', form)
  }
})

test('a date is read in figures and in words, and one that may be two days costs the date alone', async () => {
  const cases: [string, string | undefined][] = [
    ['31.12.2019', '2019-12-31'],
    ['1.2.2019', '2019-02-01'],
    ['20190512', '2019-05-12'],
    ['2019/5/12', '2019-05-12'],
    ['13/05/2019', '2019-05-13'],
    ['05/13/2019', '2019-05-13'],
    ['2019-05-12T00:00:00Z', '2019-05-12'],
    ['May 2019', '2019-05'],
    ['12. Mai 2019', '2019-05-12'],
    ['12 août 2019', '2019-08-12'],
    ['1 de mayo de 2019', '2019-05-01'],
    ['May 12, 2019', '2019-05-12'],
    ['12/05/2019', undefined],
    ['43597', undefined],
    ['2019-02-30', undefined],
    ['next year', undefined],
    ['0101-01-01T00:00:00+00:00', undefined],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,published\n9780441172719,Dune,${quoted(cell)}\n`)
    assert.equal(book?.publishedOn, expected, cell)
  }
  const [first] = await books(
    'isbn,title,published\n9780441172719,Dune,12/05/2019\n9780141439518,P,31/05/2019\n',
  )
  assert.equal(first?.publishedOn, '2019-05-12')
})

test('languages are read by code and by name', async () => {
  const cases: [string, string][] = [
    ['English', 'en'],
    ['Deutsch', 'de'],
    ['Französisch', 'fr'],
    ['español', 'es'],
    ['en_GB', 'en-GB'],
    ['ger', 'de'],
    ['English; French', 'en'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,language\n9780441172719,Dune,${cell}\n`)
    assert.equal(book?.language, expected, cell)
  }
})

test('several authors are told apart however they are joined, and one inverted name is one person', async () => {
  const cases: [string, string][] = [
    ['Beispiel, Anna', 'Anna Beispiel'],
    ['García Pérez, Gabriel', 'Gabriel García Pérez'],
    ['Ann Author, Bob Brush', 'Ann Author|Bob Brush'],
    ['Ann Author and Bob Brush', 'Ann Author|Bob Brush'],
    ['Ann Author & Bob Brush', 'Ann Author|Bob Brush'],
    ['Ann Author, Bob Brush and Cy Pen', 'Ann Author|Bob Brush|Cy Pen'],
    ['Author, Ann; Brush, Bob', 'Ann Author|Bob Brush'],
    ['Author, Ann & Brush, Bob', 'Ann Author|Bob Brush'],
    ['Ann Author / Bob Brush', 'Ann Author|Bob Brush'],
    ['Austen, Jane, 1775-1817', 'Jane Austen'],
    ['King, Martin Luther, Jr.', 'Martin Luther King Jr.'],
    ['Simon & Schuster', 'Simon & Schuster'],
    ['Ursula K. Le Guin', 'Ursula K. Le Guin'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,author\n9780441172719,Dune,${quoted(cell)}\n`)
    assert.equal(book?.contributors?.map(({ name }) => name).join('|'), expected, cell)
  }
})

test('exports of the programs that people use are recognised, and their odd columns not mistaken', async () => {
  const files: [string, string, Partial<ImportedBook>][] = [
    [
      'Goodreads',
      'Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,Year Published,Original Publication Year,Exclusive Shelf\n1,T,Ann A,"A, Ann","Bob B, Cy C",,"=""9780441172719""",2004,1937,read\n',
      {
        publishedOn: '2004',
        contributors: ['Ann A', 'Bob B', 'Cy C'].map((name) => ({ name, role: 'author' })),
      },
    ],
    [
      'LibraryThing',
      'Book Id\tTitle\tSort Character\tPrimary Author\tPublication\tDate\tISBN\n1\tT\t1\tAuthor, Ann\tPress (2004), 300 pages\t2004\t[9780441172719]\n',
      { publisher: 'Press', publishedOn: '2004', contributors: [{ name: 'Ann Author', role: 'author' }] },
    ],
    [
      'WooCommerce',
      'ID,Type,ISBN,Name,Published,Stock,Regular price,Categories\n1,simple,9780441172719,T,1,7,14.95,"Fiction > Crime, Books"\n',
      { copies: 7, price: { amount: 1495, currency: 'EUR' }, subjects: ['Fiction', 'Crime', 'Books'] },
    ],
    [
      'Shopify',
      'Handle,Title,Body (HTML),Published,Variant Price,Variant Barcode\nx,T,<p>Text</p>,true,12.99,9780441172719\nx,,,,,\n',
      { description: 'Text', price: { amount: 1299, currency: 'EUR' } },
    ],
    [
      'calibre',
      'author_sort,authors,title_sort,title,uuid,isbn,pubdate,languages,tags,comments\n"A, Ann",Ann A & Bob B,T,T,u,9780441172719,2004-05-01T00:00:00+00:00,eng,"x, y",<p>Text</p>\n',
      { publishedOn: '2004-05-01', language: 'en', description: 'Text' },
    ],
    [
      'BookWyrm',
      'title,author_text,remote_id,openlibrary_key,isbn_13,review_published,review_content\nT,Ann A,u,k,9780441172719,2024-01-01,Good\n',
      { contributors: [{ name: 'Ann A', role: 'author' }] },
    ],
  ]
  for (const [tool, text, expected] of files) {
    const findings = new Findings()
    const found = await records(text, undefined, findings)
    assert.equal(found.length, 1, tool)
    const [record] = found
    assert.ok(record?.kind === 'book', tool)
    for (const [field, value] of Object.entries(expected))
      assert.deepEqual(record.book[field as keyof ImportedBook], value, `${tool} ${field}`)
    assert.equal(record.book.title, 'T')
    if (tool !== 'Goodreads' && tool !== 'LibraryThing' && tool !== 'calibre')
      assert.equal(record.book.publishedOn, undefined, tool)
    assert.match(findings.format, new RegExp(tool))
  }
})

test('lines above the header, short rows and empty ones are no faults', async () => {
  const rows = '9780441172719;Dune;5,00;text'
  for (const above of ['', 'sep=;\r\n', '\n\n', ';;;\n', 'Our list of May\n']) {
    const [record] = await records(`${above}isbn;title;price;description\n${rows}\n`)
    assert.equal(record?.kind === 'book' && record.book.description, 'text', JSON.stringify(above))
  }
  const findings = new Findings()
  const found = await records(
    `isbn;title;price;description\n${rows}\n9780141439518;P;6,00\n;;;\n9780306406157;Q;7,00;\n`,
    undefined,
    findings,
  )
  assert.deepEqual(
    found.map((record) => [record.kind, record.line]),
    [
      ['book', 2],
      ['book', 3],
      ['book', 5],
    ],
  )
  assert.equal(findings.skipped, 1)
  const short = found[1]
  assert.equal(short?.kind === 'book' && 'description' in short.book, false)
})

test('a file of one value updates just that, and counts may mark their thousands', async () => {
  assert.deepEqual(await books('isbn;price\n9780441172719;7,50\n'), [
    { isbn: '9780441172719', price: { amount: 750, currency: 'EUR' } },
  ])
  const counts = await books('isbn,copies\n9780441172719,"1,200"\n9780141439518,-3\n')
  assert.deepEqual(
    counts.map(({ copies }) => copies),
    [1200, 0],
  )
})

test('the encoding of CSV is what its bytes are', async () => {
  const text = 'ISBN;Title;Price\r\n9780441172719;Über Größe;12,99 €\r\n'
  const cp1252 = Buffer.from(text.replace('€', '\x80'), 'latin1')
  const cases: [Uint8Array, string | undefined][] = [
    [Buffer.from(text), undefined],
    [Buffer.from(text), 'windows-1252'],
    [cp1252, undefined],
    [cp1252, 'utf-8'],
    [cp1252, 'windows-1252'],
    [Buffer.from(`\ufeff${text}`, 'utf16le'), undefined],
    [Buffer.from(`\ufeff${text}`), undefined],
  ]
  for (const [bytes, charset] of cases) {
    const [book] = await books(bytes, charset)
    assert.deepEqual([book?.title, book && priceText(book)], ['Über Größe', '1299 EUR'])
  }
})

test('one byte that is no UTF-8 costs the record whose title holds it, or the value', async () => {
  const text =
    'isbn,title,publisher\n9780441172719,Über,Größe\n9780141439518,T#tle,Größe\n9780306406157,Title,Pr#ss\n'
  const bytes = Buffer.from(text)
  for (let i = bytes.indexOf('#'); i >= 0; i = bytes.indexOf('#')) bytes[i] = 0xff
  const [first, second, third] = await records(bytes)
  assert.equal(first?.kind, 'book')
  assert.equal(second?.kind === 'wrong' && second.field, 'title')
  assert.ok(third?.kind === 'book')
  assert.deepEqual(['publisher' in third.book, third.notes?.[0]?.field], [false, 'publisher'])
})

test('a title keeps its words in angle brackets and loses its tags', async () => {
  const cases: [string, string][] = [
    ['Learn <canvas> & <i>more</i>', 'Learn <canvas> & more'],
    ['Generics: List<T> in <b>Java</b>', 'Generics: List<T> in Java'],
    ['The <b> element', 'The <b> element'],
    ['AT&amp;amp;T', 'AT&T'],
    ['One<br>Two', 'One Two'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title\n9780441172719,${quoted(cell)}\n`)
    assert.equal(book?.title, expected)
  }
})
