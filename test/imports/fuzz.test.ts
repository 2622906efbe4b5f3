import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { runImport } from '../../src/services/catalog/import/run-import.ts'
import type { SourceRecord } from '../../src/services/catalog/import/source.ts'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import { testDatabase } from '../support/database.ts'
import { randomFrom } from '../support/random-from.ts'
import { mutated } from './mutate.ts'
import { readMutated } from './read-mutated.ts'
import { shapes } from './shapes.ts'

// The whole of it is `npx node test/imports/fuzz.ts --inputs 100000`; OCTAVO_FUZZ_SEED begins elsewhere.
const seed = Number(process.env.OCTAVO_FUZZ_SEED ?? 1)
const inputs = 600

/** Ten times what the slowest takes on a machine with nothing else to do. */
const msMax = 2_500

test('catalogues of every shape are read as they are', async () => {
  for (const { name, text } of shapes) {
    const { books, isUnreadable } = await readMutated(Buffer.from(text))
    assert.ok(books > 0 && !isUnreadable, name)
  }
})

test(`damaged catalogues are read to their end, or told to be unreadable (seed ${seed})`, async () => {
  let [books, wrong, unreadable] = [0, 0, 0]
  for (let i = seed; i < seed + inputs; i++) {
    const { shape, bytes } = mutated(randomFrom(i))
    const outcome = await readMutated(bytes).catch((error: unknown) => {
      throw new Error(`seed ${i}, ${shape}`, { cause: error })
    })
    assert.ok(outcome.ms < msMax, `seed ${i}, ${shape}: ${outcome.ms} ms for ${bytes.length} bytes`)
    books += outcome.books
    wrong += outcome.wrong
    unreadable += Number(outcome.isUnreadable)
  }
  for (const count of [books, wrong, unreadable]) assert.ok(count > inputs / 20, 'each outcome is met')
})

const product = (inside: string) =>
  `<ONIXMessage><Product><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780441172719</IDValue></ProductIdentifier>${inside}</Product></ONIXMessage>`
const described = (text: string) =>
  product(
    `<DescriptiveDetail><TitleDetail><TitleType>01</TitleType><TitleElement><TitleText>T</TitleText></TitleElement></TitleDetail></DescriptiveDetail><CollateralDetail><TextContent><TextType>03</TextType><Text>${text}</Text></TextContent></CollateralDetail>`,
  )
const cell = (column: string, text: string) => `isbn,title,${column}\n9780441172719,T,"${text}"\n`
const characters = 1_000_000
/** Each row is a record of its own, whose fault is told. */
const rowCharacters = 30_000
const many = (piece: string) => piece.repeat(Math.floor(characters / piece.length))

/** What makes a search begin anew at every character, where a reader is not careful. */
const worst: Readonly<Record<string, string>> = {
  'one name of a column': `${many('(')},b\n1,2\n`,
  'columns without names': `isbn,title${many(',')}\n9780441172719,T\n`,
  'rows of a character': `isbn,title\n${many(')\n').slice(0, rowCharacters)}`,
  'rows of delimiters': `isbn,title\n${many(',,,,,,,,\n').slice(0, rowCharacters)}`,
  'a language of spaces': cell('language', `a${many(' ')}b`),
  'a price of digits': cell('price', many('1.234,')),
  'a price of ones': cell('price', `1.${many('1')}`),
  'a date of digits': cell('published', many('1/')),
  'a price of spaces': cell('price', `1${many(' ')}2`),
  'a name of spaces': cell('author', `A${many(' ')}B`),
  'a name of commas': cell('author', many('A, ')),
  'a name of conjunctions': cell('author', many('A and ')),
  'subjects of spaces': cell('subjects', `a${many(' ')}>`),
  'a description of spaces': cell('description', many(' \u00b7')),
  'a description of tags': cell('description', many('<p ')),
  'a description of comments': cell('description', many('<!--')),
  'declarations in a product': product(many('<!x>')),
  'declarations in a text': described(many('<![x>')),
  'comments around CDATA': product(`& ${many('<!-- <![CDATA[ -->')}`),
  'bare ampersands': described(many('& ')),
  'a text of quotes': described(many('<a b="')),
  'a text escaped again and again': described(many('&amp;amp;lt;p&amp;amp;gt;')),
  'a name in a product of spaces': described('x').replace(
    '<CollateralDetail>',
    `<Contributor><ContributorRole>A01</ContributorRole><PersonNameInverted>A${many(' ')}B</PersonNameInverted></Contributor><CollateralDetail>`,
  ),
  'a file of spaces': many(' '),
  'a file of empty lines': many('\n'),
  'a file of brackets': many('<'),
}

test('no file of a megabyte holds a reader for long, however it is made', async () => {
  for (const [name, text] of Object.entries(worst)) {
    const { ms } = await readMutated(Buffer.from(text)).catch((error: unknown) => {
      throw new Error(name, { cause: error })
    })
    assert.ok(ms < msMax, `${name}: ${ms.toFixed(0)} ms`)
  }
})

test('no book is written by half, whatever is wrong with the file it comes from', async (t) => {
  const { url } = await testDatabase(t, 'import_fuzz', 'books')
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  for (let i = seed; i < seed + 120; i++) {
    const { bytes } = mutated(randomFrom(i))
    const records: SourceRecord[] = []
    await readMutated(bytes, (record) => records.push(record))
    const rejected: number[] = []
    const counts = await runImport(
      store.books,
      systemClock,
      (async function* () {
        yield* records
      })(),
      { copies: 1, stock: i % 2 === 0 ? 'set' : 'keep' },
      { onRejected: ({ record }) => rejected.push(record) },
    )
    const { read, created, updated, unchanged } = counts
    assert.equal(read, created + updated + unchanged + counts.rejected, `seed ${i}`)
    assert.equal(rejected.length, counts.rejected, `seed ${i}: one line per fault`)
  }
  const rows = await store.books.booksAfter('', 1_000)
  assert.ok(rows.length > 0)
  for (const row of rows) assert.ok(row.title.trim() !== '' && row.copies >= 0, row.isbn)
  assert.deepEqual((await store.audit.unbalanced()).found, [])
  assert.deepEqual((await store.audit.oversold()).found, [])
})
