import { parseArgs } from 'node:util'
import type { BookQuery } from '../src/services/catalog/books/book-filters.ts'
import { listBooks } from '../src/services/catalog/books/list-books.ts'
import { openStore } from '../src/services/catalog/store/postgres/open.ts'
import { addSyntheticBooks } from '../test/support/synthetic-books.ts'
import { figuresOf, ms, printTable, ratio } from './rounds.ts'
import { openBenchStore } from './store.ts'

// Lists, choices and searches, uncached, as the catalogue answers them: how they grow with the catalogue.
const { values } = parseArgs({
  options: {
    books: { type: 'string', default: '10000,100000' },
    rounds: { type: 'string', default: '40' },
  },
})
const rounds = Number(values.rounds)
const sizes = values.books.split(',').map(Number)

const queries: Record<string, (i: number) => BookQuery> = {
  'first page': () => ({}),
  'by title, second page on': () => ({ sort: 'title' }),
  'a common subject': (i) => ({ subject: `s${i % 20}` }),
  'a rare subject': (i) => ({ subject: `t${i % 2000}` }),
  'a format and a language': () => ({ format: 'hardcover', language: 'de' }),
  'two words': (i) => ({ q: `w${(i * 31) % 5003} v${(i * 17) % 701}` }),
  'a typo': (i) => ({ q: `u${1000 + i}x` }),
  'a beginning': (i) => ({ q: `w${i % 500}` }),
}

const measured = new Map<string, number[]>()
for (const size of sizes) {
  await using servers = await openBenchStore(0)
  await using database = await openStore(servers.bookDbUrl, {
    applicationName: 'bench-search',
    statementTimeoutMs: 600_000,
  })
  const started = performance.now()
  await addSyntheticBooks(database.schema.database, size)
  console.log(
    `${size.toLocaleString('en')} books, made in ${((performance.now() - started) / 1000).toFixed(0)} s`,
  )
  const rows: string[][] = []
  for (const [name, queryOf] of Object.entries(queries)) {
    const waits: number[] = []
    const query = queryOf(0)
    // A later page, where one is asked for.
    const cursor = name.includes('second') ? (await listBooks(database.books, query, 0)).next : null
    for (let i = 0; i < rounds; i++) {
      const start = performance.now()
      await listBooks(database.books, { ...queryOf(i), ...(cursor !== null && { cursor }) }, 0)
      waits.push(performance.now() - start)
    }
    waits.splice(0, Math.ceil(rounds / 10))
    const sorted = waits.sort((a, b) => a - b)
    const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? 0
    measured.set(name, [...(measured.get(name) ?? []), p95])
    rows.push([name, ms(figuresOf(waits, 1).p50Ms), ms(p95)])
  }
  printTable(['', 'p50', 'p95'], rows)
}
console.log(`\np95 with ${sizes.at(-1)?.toLocaleString('en')} books ÷ with ${sizes[0]?.toLocaleString('en')}`)
printTable(
  ['', 'ratio'],
  [...measured].map(([name, p95s]) => [name, ratio((p95s.at(-1) ?? 0) / (p95s[0] ?? 1))]),
)
