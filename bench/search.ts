import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { listBooks } from '../src/services/catalog/books/list-books.ts'
import { openStore } from '../src/services/catalog/store/open-store.ts'
import { addSyntheticBooks, syntheticIsbn } from '../test/support/synthetic-books.ts'
import { cpuMs } from './cpu.ts'
import { listQueries } from './list-queries.ts'
import { figuresOf, ms, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// Lists, choices and searches with their totals and facets, uncached, as the catalogue answers them: how they grow with
// the catalogue.
const { values } = parseArgs({
  options: {
    books: { type: 'string', default: '10000,100000' },
    rounds: { type: 'string', default: '40' },
  },
})
const rounds = Number(values.rounds)
const sizes = values.books.split(',').map(Number)
const [smallest = 1] = sizes

const { titles, queries } = listQueries(smallest)

const measured = new Map<string, { p95Ms: number; usedMs: number }[]>()
for (const size of sizes) {
  await using servers = await openBenchStore(0)
  await using database = await openStore(servers.bookDbUrl, {
    applicationName: 'bench-search',
    statementTimeoutMs: 600_000,
  })
  const books = database.schema.database
  const started = performance.now()
  await addSyntheticBooks(books, size)
  const seconds = (performance.now() - started) / 1000
  const some = await books.query<{ title: string }>(
    'SELECT title FROM catalog.books WHERE isbn = ANY($1::text[]) ORDER BY isbn',
    [Array.from({ length: rounds }, (_, i) => syntheticIsbn(1 + Math.floor((i * size) / rounds)))],
  )
  titles.splice(0, titles.length, ...some.map(({ title }) => title.split(' ')))
  const rows: string[][] = []
  for (const [name, queryOf] of Object.entries(queries)) {
    const waits: number[] = []
    const query = queryOf(0)
    // A later page, where one is asked for.
    const cursor = name.includes('second') ? (await listBooks(database.books, query, 0)).next : null
    const usedBeforeMs = cpuMs(servers.serverPids)
    for (let i = 0; i < rounds; i++) {
      const start = performance.now()
      await listBooks(database.books, { ...queryOf(i), ...(cursor !== null && { cursor }) }, 0)
      waits.push(performance.now() - start)
    }
    waits.splice(0, Math.ceil(rounds / 10))
    const sorted = waits.sort((a, b) => a - b)
    const p95Ms = sorted[Math.floor(sorted.length * 0.95)] ?? 0
    const usedMs = (cpuMs(servers.serverPids) - usedBeforeMs) / rounds
    measured.set(name, [...(measured.get(name) ?? []), { p95Ms, usedMs }])
    rows.push([name, ms(figuresOf(waits, 1).p50Ms), ms(p95Ms), ms(usedMs)])
  }
  const [disk] = await books.query<{ mb: number }>(
    'SELECT pg_database_size(current_database()) / 1048576.0 AS mb',
    [],
  )
  const memoryMb = memoryBytes(servers.serverPids[0] ?? 0) / 1024 / 1024
  console.log(
    `\n${size.toLocaleString('en')} books, made in ${seconds.toFixed(0)} s; BookDb takes ${round(disk?.mb ?? 0)} MB of disk, ${round(memoryMb)} MB of memory`,
  )
  printTable(['', 'p50', 'p95', 'CPU of BookDb'], rows)
}
console.log(`\nWith ${sizes.at(-1)?.toLocaleString('en')} books ÷ with ${smallest.toLocaleString('en')}`)
printTable(
  ['', 'p95', 'CPU'],
  [...measured].map(([name, figures]) => {
    const [first, last] = [figures[0], figures.at(-1)]
    const grown = (of: 'p95Ms' | 'usedMs') => ratio((last?.[of] ?? 0) / (first?.[of] || 1))
    return [name, grown('p95Ms'), grown('usedMs')]
  }),
)

/** Of a server and its sessions, each page shared among those that have it. Source: proc_pid_smaps_rollup(5). */
function memoryBytes(server: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const own = pids.filter((pid) => {
    const parent = / (\d+) /.exec(read(`/proc/${pid}/stat`).replace(/^.*\) \S/, ''))?.[1]
    return pid === String(server) || parent === String(server)
  })
  return own.reduce((sum, pid) => {
    return sum + Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024
  }, 0)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
