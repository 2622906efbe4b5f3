import assert from 'node:assert/strict'
import { test } from 'node:test'
import { books, priceText, records } from '../../../../test/support/csv.ts'
import { Findings } from './findings.ts'
import type { ImportedBook } from './source.ts'

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
      'Book Id\tTitle\tSort Character\tPrimary Author\tPublication\tDate\tISBN\n1\tT\t1\tAuthor, Ann\tPress (2004), Edition: First, 300 pages\t2004\t[9780441172719]\n',
      {
        ...{ publisher: 'Press', publishedOn: '2004', details: { pages: 300 } },
        contributors: [{ name: 'Ann Author', role: 'author' }],
      },
    ],
    [
      'LibraryThing',
      'Title\tSort Character\tPrimary Author\tSecondary Author\tSecondary Author Roles\tISBN\nT\t1\tAuthor, Ann\tBrush, Bob|Quill, Cy\tIllustrator|Translator\t[9780441172719]\n',
      {
        contributors: [
          { name: 'Ann Author', role: 'author' },
          { name: 'Bob Brush', role: 'illustrator' },
          { name: 'Cy Quill', role: 'translator' },
        ],
      },
    ],
    [
      'WooCommerce',
      'ID,Type,ISBN,Name,Published,Stock,Regular price,Categories,Description\n1,simple,9780441172719,T,1,7,14.95,"Fiction > Crime, Books, Love\\, lost",<p>One</p>\\n\\n<p>C:\\\\new</p>\n',
      {
        ...{ copies: 7, price: { amount: 1495, currency: 'EUR' }, description: 'One\n\nC:\\new' },
        subjects: ['Fiction', 'Crime', 'Books', 'Love, lost'],
      },
    ],
    [
      'Shopify',
      'Handle,Title,Body (HTML),Published,Variant Price,Variant Barcode\nx,T,<p>Text</p>,true,12.99,9780441172719\nx,,,,,\n',
      { description: 'Text', price: { amount: 1299, currency: 'EUR' } },
    ],
    [
      'calibre',
      'author_sort,authors,title_sort,title,uuid,isbn,pubdate,languages,tags,comments,series,series_index\n"A, Ann",Ann A & Bob B,T,T,u,9780441172719,2004-05-01T00:00:00+00:00,eng,"x, y",<p>Text</p>,Saga,2.0\n',
      {
        ...{ publishedOn: '2004-05-01', language: 'en', description: 'Text' },
        details: { series: [{ title: 'Saga', number: '2' }] },
      },
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

test('a further variant of a product of Shopify is a book of its own, with what its product tells', async () => {
  const [first, second] = await books(
    'Handle,Title,Vendor,Option1 Value,Variant Price,Variant Inventory Qty,Variant Barcode\nx,T,Press,Paperback,9.99,3,9780441172719\nx,,,Hardcover,19.99,,9780141439518\n',
  )
  assert.deepEqual([first?.title, first?.copies], ['T', 3])
  assert.deepEqual(second, {
    ...{ isbn: '9780141439518', title: 'T', publisher: 'Press' },
    price: { amount: 1999, currency: 'EUR' },
  })
})

test('a blank after the mark between cells is none of the cell, also before its quotes', async () => {
  for (const mark of [',', ';', '|']) {
    const text = `"isbn", "title", "price", "publisher"\n"9780441172719", "A, b; c|d", "9.90", \n`
    const [book] = await books(text.replaceAll('", ', `"${mark} `))
    assert.deepEqual([book?.title, book && priceText(book)], ['A, b; c|d', '990 EUR'], mark)
  }
  const [tabbed] = await books('isbn\ttitle\tpublisher\tprice\n9780441172719\tT\t\t9.90\n')
  assert.deepEqual([tabbed?.publisher, tabbed && priceText(tabbed)], [null, '990 EUR'])
})

test('a header that lacks a column is named, and not a wider row below it', async () => {
  const rows = 'EAN;Werk;Kosten;;Kosten\n9780441172719;T;5,00;x;6,00\n'
  await assert.rejects(records(rows), /no column holds the title; the columns are EAN, Werk, Kosten/)
})

test('lines may end in two ways in one file', async () => {
  const rows = 'ISBN;Title\r\n9780441172719;Dune\n9780141439518;"Two\nlines"\r\n9780306406157;Last\r\r\n'
  const found = await records(rows)
  assert.deepEqual(
    found.map((record) => [record.line, record.kind === 'book' && record.book.title]),
    [
      [2, 'Dune'],
      [3, 'Two lines'],
      [5, 'Last'],
    ],
  )
})

test('exports of WooCommerce in the languages of the shop name the number of a book first', async () => {
  for (const head of [
    'Artikelnummer,"GTIN, UPC, EAN oder ISBN",Name,Regulärer Preis',
    'UGS,"GTIN, UPC, EAN ou ISBN",Nom,Tarif régulier',
    'SKU,"GTIN, UPC, EAN o ISBN",Nombre,Precio normal',
    'Codice,"GTIN, UPC, EAN o ISBN",Nome,Prezzo',
  ]) {
    const [book] = await books(`${head}\nS1,9780441172719,Dune,"12,90"\n`)
    assert.deepEqual(
      [book?.isbn, book?.title, book && priceText(book)],
      ['9780441172719', 'Dune', '1290 EUR'],
      head,
    )
  }
})

test('the mark between cells is the one by which a cell names the ISBN', async () => {
  const text = 'Our list, of May, by hand\nAuthor, first;Title, in full;EAN\nAnn A;T;9780441172719\n'
  const [book] = await books(text.replace('Title, in full', 'Title'))
  assert.equal(book?.title, 'T')
})

test('lines above the header, short rows and empty ones are no faults', async () => {
  const rows = '9780441172719;Dune;5,00;text'
  for (const above of ['', 'sep=;\r\n', '\n\n', ';;;\n', 'Our list of May\n', 'Our list;of May;;\n;;;\n']) {
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

test('a file whose lines end as on the first Macintosh is in the encoding of that', async () => {
  const text = 'ISBN;Title;Price\r9780441172719;\x86ber Gr\x9a\xa7e;12,99 \xdb\r'
  const [book] = await books(Buffer.from(text, 'latin1'))
  assert.deepEqual([book?.title, book && priceText(book)], ['Über Größe', '1299 EUR'])
})

test('what Excel calls CSV for MS-DOS is read in code page 850', async () => {
  const text = 'ISBN;Title;Price\r\n9780441172719;\x9aber Gr\x94\xe1e, \x82t\x82 \x85 Z\x81rich;12,99\r\n'
  for (const charset of [undefined, 'ibm850']) {
    const [book] = await books(Buffer.from(text, 'latin1'), charset)
    assert.equal(book?.title, 'Über Größe, été à Zürich')
  }
  for (const word of ['B\x81cher', 'Caf\x82', '\x90tat']) {
    const [only] = await books(Buffer.from(`ISBN;Title\r\n9780441172719;${word}\r\n`, 'latin1'))
    assert.match(only?.title ?? '', /^(?:Bücher|Café|État)$/, 'its first letter beyond ASCII is its only one')
  }
  const windows = 'ISBN;Title\r\n9780441172719;L\x92\xe9t\xe9 \x96 d\xe9j\xe0\x85vu\x97\x84Stra\xdfe\x93\r\n'
  const [book] = await books(Buffer.from(windows, 'latin1'))
  assert.equal(book?.title, 'L’été – déjà…vu—„Straße“')
})

test('a zero byte costs the value that holds it', async () => {
  const found = await records('isbn,title,publisher\n9780441172719,T,Pr\0ss\n9780141439518,U,Press\n')
  assert.deepEqual(
    found.map((record) => record.kind === 'book' && record.book.publisher),
    [undefined, 'Press'],
  )
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
