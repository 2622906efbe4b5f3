import { parseArgs } from 'node:util'
import { listBooks } from '../src/services/catalog/books/list-books.ts'
import { copyCatalog } from '../src/services/catalog/copy/copy-catalog.ts'
import { renewKeys } from '../src/services/catalog/search/renew-keys.ts'
import type { CatalogStore } from '../src/services/catalog/store/catalog-store.ts'
import { openStore } from '../src/services/catalog/store/open-store.ts'
import { addSyntheticBooks, syntheticIsbn } from '../test/support/synthetic-books.ts'
import { listQueries } from './list-queries.ts'
import { openMariadbBooks } from './mariadb-books.ts'
import { figuresOf, ms, printTable, ratio } from './rounds.ts'
import { openBenchStore } from './store.ts'

// Lists, choices and searches with their totals and facets, uncached, with BookDb on MariaDB and on PostgreSQL: the same
// books and the same questions in turns, and whether both answer alike.
const { values } = parseArgs({
  options: {
    books: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '40' },
  },
})
const [books, rounds] = [Number(values.books), Number(values.rounds)]

await using servers = await openBenchStore(0)
await using mariadb = await openMariadbBooks(servers, ['--innodb-buffer-pool-size=1G'])
const open = (url: string) =>
  openStore(url, { applicationName: 'bench-book-dbs', statementTimeoutMs: 600_000 })
await using ours = await open(servers.bookDbUrl)
await using theirs = await open(mariadb.url)
const stores: Readonly<Record<string, CatalogStore>> = { PostgreSQL: ours, MariaDB: theirs }
await fill()

const { titles, queries } = listQueries(books)
const moreQueries: typeof queries = {
  ...queries,
  'a subject, a format and a language': (i) => ({
    subject: `s${i % 20}`,
    format: 'hardcover',
    language: 'de',
  }),
  'a price': (i) => ({ minPrice: 900 + i, maxPrice: 901 + i }),
  'a price and more': (i) => ({ minPrice: 900 + i, sort: 'price' }),
  'the newest that can be bought': () => ({ sort: '-publishedOn', available: true }),
  'a name': (i) => ({ q: `author ${100 + i}` }),
  'two common beginnings': (i) => ({ q: `w${1 + (i % 9)} v${1 + (i % 7)}` }),
  'a common beginning and a format': (i) => ({ q: `w${1 + (i % 9)}`, format: 'hardcover' }),
  'two typos in a word': (i) => ({ q: `${titles[i % titles.length]?.[2]}xy` }),
}
const some = await ours.schema.database.query<{ title: string }>(
  'SELECT title FROM catalog.books WHERE isbn = ANY($1::text[]) ORDER BY isbn',
  [Array.from({ length: rounds }, (_, i) => syntheticIsbn(1 + Math.floor((i * books) / rounds)))],
)
titles.push(...some.map(({ title }) => title.split(' ')))

const rows: string[][] = []
for (const [name, queryOf] of Object.entries(moreQueries)) {
  const waits: Record<string, number[]> = { PostgreSQL: [], MariaDB: [] }
  const cursors: Record<string, string | null> = {}
  let [sameFirst, sameTotal] = [0, 0]
  // A later page, where one is asked for.
  if (name.includes('second'))
    for (const [kind, { books: reader }] of Object.entries(stores))
      cursors[kind] = (await listBooks(reader, queryOf(0), 0)).next
  for (let i = 0; i < rounds; i++) {
    const answers = []
    const turns = Object.entries(stores)
    for (const [kind, { books: reader }] of i % 2 === 0 ? turns : turns.reverse()) {
      const cursor = cursors[kind] ?? null
      const start = performance.now()
      answers.push(await listBooks(reader, { ...queryOf(i), ...(cursor !== null && { cursor }) }, 0))
      waits[kind]?.push(performance.now() - start)
    }
    const [one, other] = answers
    if (one?.items[0]?.isbn === other?.items[0]?.isbn) sameFirst++
    if (one?.total === other?.total) sameTotal++
  }
  const at = (kind: string, q: number) => {
    const sorted = (waits[kind] ?? []).slice(Math.ceil(rounds / 10)).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length * q)] ?? 0
  }
  const p50 = (kind: string) => figuresOf((waits[kind] ?? []).slice(Math.ceil(rounds / 10)), 1).p50Ms
  rows.push([
    ...[name, ms(p50('PostgreSQL')), ms(at('PostgreSQL', 0.95)), ms(p50('MariaDB')), ms(at('MariaDB', 0.95))],
    ...[ratio(p50('MariaDB') / p50('PostgreSQL')), ratio(at('MariaDB', 0.95) / at('PostgreSQL', 0.95))],
    `${sameFirst}, ${sameTotal} of ${rounds}`,
  ])
}
console.log(`\n${books.toLocaleString('en')} books, ${rounds} rounds, in turns`)
printTable(
  ['', 'PostgreSQL p50', 'p95', 'MariaDB p50', 'p95', 'ratio p50', 'ratio p95', 'same first hit, total'],
  rows,
)

/** Made-up books with an author and a description, and the keys that the catalogue computes. */
async function fill(): Promise<void> {
  const { database } = ours.schema
  await addSyntheticBooks(database, books)
  await database.execute(
    `UPDATE catalog.books SET description = repeat('A book about ' || title || ', told well. ', 12),
            contributors = jsonb_build_array(jsonb_build_object('name', 'Author ' || substr(isbn, 8, 4), 'role', 'author'))`,
  )
  // So that statements by key are planned by what there is.
  await database.execute('ANALYZE catalog.books, catalog.stock')
  while ((await renewKeys(ours.books)) > 0);
  await database.execute('VACUUM ANALYZE catalog.books, catalog.stock, catalog.words')
  const { kind } = await copyCatalog(ours, theirs)
  if (kind !== 'equal') throw new Error(`the catalogues are ${kind}`)
  await theirs.schema.database.query(
    'ANALYZE TABLE books, stock, book_words, book_subjects, words, word_trigrams',
  )
}
