import assert from 'node:assert/strict'
import { test } from 'node:test'
import { books, priceText, quoted, records } from '../../../../test/support/csv.ts'

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
    ['12€99', '1299 EUR'],
    ['US $12.99', '1299 USD'],
    ['Rs. 499/-', '49900 INR'],
    ['129:-', '12900 EUR'],
    ['€ (D) 12,99', '1299 EUR'],
    ["'12.99", '1299 EUR'],
    ['="12.99"', '1299 EUR'],
    ['€ (D) 12,99 / (A) 13,40', 'unreadable'],
    ['(5.00)', 'unreadable'],
    ['12.99 excl. VAT', 'unreadable'],
    ['$12.99', 'unreadable'],
    ['12.99 XYZ', 'unreadable'],
    ['12 EUR / 14 USD', 'unreadable'],
    ['-1', 'unreadable'],
    ['tba', 'unreadable'],
    ['.99', '99 EUR'],
    ['₹ 1,23,456.00', '12345600 INR'],
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
    ['EAN,Titel,priceEUR', '990 EUR'],
    ['EAN,Title,Price in euros', '990 EUR'],
    ['EAN,Titre,Prix en euros', '990 EUR'],
    ['EAN,Titolo,Prezzo al pubblico IVA inclusa', '990 EUR'],
    ['EAN,Título,Precio de venta al público', '990 EUR'],
    ['EAN,Titel,Endverbraucherpreis', '990 EUR'],
    ['"GTIN, UPC, EAN, or ISBN",Name,Regular price', '990 EUR'],
    ['Artikelnummer,Name,Regulärer Preis', '990 EUR'],
    ['N° ISBN,Titre du livre,Prix unitaire TTC', '990 EUR'],
    ['Núm. ISBN,Título,Precio normal', '990 EUR'],
    ['EAN,Titel,priceEur', '990 EUR'],
    ['EAN,Titel,Preis EUR (D)', '990 EUR'],
    ['EAN,Titel,Preis EUR (A)', 'undefined'],
    ['EAN,Title,List price ($)', 'unreadable'],
    ['EAN,Title,Price ex VAT', 'undefined'],
    ['EAN,Título,Preço', '990 EUR'],
    ['EAN,Tytuł,Cena', '990 EUR'],
  ]
  for (const [header, expected] of cases) {
    const [book] = await books(`${header}\n9780441172719,Dune,9.90\n`)
    assert.deepEqual([book?.title, String(book && priceText(book))], ['Dune', expected], header)
  }
})

test('columns of publishers, dates, languages and texts are found under shortened and neighbouring names', async () => {
  const [french] = await books('ISBN;Titre;Maison d’édition\n9780441172719;Dune;Laffont\n')
  assert.equal(french?.publisher, 'Laffont')
  const [german] = await books('ISBN;Titel;Ersch.-Datum\n9780441172719;Dune;1.3.2019\n')
  assert.equal(german?.publishedOn, '2019-03-01')
  const [english] = await books('ISBN,Title,Summary\n9780441172719,Dune,Sand\n')
  assert.equal(english?.description, 'Sand')
  const [polish] = await books('ISBN;Tytuł;Rok wydania;Język\n9780441172719;Diuna;2019;polski\n')
  assert.deepEqual([polish?.publishedOn, polish?.language], ['2019', 'pl'])
})

test('of several prices the one in the shop’s currency comes first, and the next where it is empty', async () => {
  const found = await books(
    'isbn,title,Price excl. VAT,Price (USD),Price (EUR)\n9780441172719,Dune,9.00,15.00,14.00\n9780141439518,P,9.00,15.00,\n',
  )
  assert.deepEqual(found.map(priceText), ['1400 EUR', '1500 USD'])
})

test('a price that a person could not read either says what is wrong with it, and a repair names money as money', async () => {
  const rows = ['free', 'kr 129'].map(
    (price, i) => `${['9780441172719', '9780141439518'][i]},T,${price},ca. 200`,
  )
  const found = await records(`isbn,title,price,pages\n${rows.join('\n')}\n`)
  const notes = found.flatMap((record) => (record.kind === 'book' ? (record.notes ?? []) : []))
  assert.deepEqual(
    notes.map(({ field, kind, to, message }) => [field, kind, to ?? message]),
    [
      ['price', 'left-out', '"free" is not a price'],
      ['pages', 'left-out', '"ca. 200" does not begin with a number of pages'],
      ['price', 'repaired', '129.00 SEK'],
      ['pages', 'left-out', '"ca. 200" does not begin with a number of pages'],
    ],
  )
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
    '978.0.441.17271.9',
    '9.780.441.172.719',
    '9,780,441,172,719',
    '978_0441172719',
    '09780441172719',
    '٩٧٨٠٤٤١١٧٢٧١٩',
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
    ['31-Dec-2019', '2019-12-31'],
    ['Sunday, May 12, 2019', '2019-05-12'],
    ['Sonntag, 12. Mai 2019', '2019-05-12'],
    ['1º maggio 2019', '2019-05-01'],
    ['05/2019', '2019-05'],
    ['5.2019', '2019-05'],
    ['="2019"', '2019'],
    ["'2019-05-12", '2019-05-12'],
    ['13/2019', undefined],
    ['12/05/2019', undefined],
    ['43597', undefined],
    ['2019-02-30', undefined],
    ['Thu, 12 May 2022', '2022-05-12'],
    ['Thu May 12 2022', '2022-05-12'],
    ['mar. 12 mai 2020', '2020-05-12'],
    ['12 mar 2020', '2020-03-12'],
    ['March 12 or May 12 2020', undefined],
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
  const [dashed] = await books(
    'isbn,title,published\n9780441172719,Dune,12-05-2019\n9780141439518,P,31-05-2019\n',
  )
  assert.equal(dashed?.publishedOn, '2019-05-12')
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
    ['Brazilian Portuguese', 'pt-BR'],
    ['Schweizer Hochdeutsch', 'de-CH'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title,language\n9780441172719,Dune,${cell}\n`)
    assert.equal(book?.language, expected, cell)
  }
})

test('a title keeps its words in angle brackets and loses its tags', async () => {
  const cases: [string, string][] = [
    ['Learn <canvas> & <i>more</i>', 'Learn <canvas> & more'],
    ['Generics: List<T> in <b>Java</b>', 'Generics: List<T> in Java'],
    ['The <b> element', 'The <b> element'],
    ['AT&amp;amp;T', 'AT&T'],
    ['="Title"', 'Title'],
    ["'tis pity", "'tis pity"],
    ['One<br>Two', 'One Two'],
  ]
  for (const [cell, expected] of cases) {
    const [book] = await books(`isbn,title\n9780441172719,${quoted(cell)}\n`)
    assert.equal(book?.title, expected)
  }
})
