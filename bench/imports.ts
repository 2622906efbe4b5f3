import { spawn } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { generatedCsv, generatedOnix, kindOf } from '../test/imports/faulty-onix.ts'
import { cpuMs, cpuMsEver } from './cpu.ts'
import { printTable, round } from './rounds.ts'
import { type BenchStore, openBenchStore } from './store.ts'

// Catalogues of the size that wholesalers send, through `octavo import`: how long, how much memory, whether each fault is
// told once, and whether a delta and a replay change only what they should. Exits with 1 where one of that is not so.
// CPU seconds are those of the import and of BookDb's server: beside others, seconds alone say nothing.
const { values } = parseArgs({
  options: { onix: { type: 'string', default: '50000' }, csv: { type: 'string', default: '1000000' } },
})
const onixCount = Number(values.onix)
const csvCount = Number(values.csv)
const main = join(import.meta.dirname, '..', 'src', 'main.ts')
/** The delta has another price for one book in so many. */
const deltaEvery = 500
/** Enough of what an import that failed said last. */
const lastWordsKept = 1_000

const failures: string[] = []
const rows: string[][] = []

if (onixCount > 0) await measureOnix()
if (csvCount > 0) await measureCsv()
printTable(
  [
    '',
    'records',
    'MB',
    'seconds',
    'CPU s',
    'BookDb CPU s',
    'records/s',
    'memory MB',
    'new',
    'changed',
    'unchanged',
    'refused',
  ],
  rows,
)
for (const failure of failures) console.log(`NOT SO: ${failure}`)
if (failures.length > 0) process.exitCode = 1

async function measureOnix(): Promise<void> {
  await using store = await openBenchStore(0)
  const kinds = Array.from({ length: onixCount }, (_, i) => kindOf(i))
  const refused = kinds.filter((kind) => kind === 'refused').length
  const deletions = kinds.filter((kind) => kind === 'deletion').length
  const taken = onixCount - refused - deletions
  const feed = await written(store.folder, 'feed.onx', generatedOnix(onixCount))
  const first = await imported('ONIX, every kind of fault', store, feed)
  expect('a feed', first, { created: taken, updated: 0, unchanged: deletions, rejected: refused })
  if (first.faultLines !== refused)
    failures.push(`${first.faultLines} lines tell of ${refused} refused records`)
  const replay = await imported('ONIX, the same again', store, feed)
  expect('a replay', replay, { created: 0, updated: 0, unchanged: taken + deletions, rejected: refused })
  const isNew = (i: number) => i % deltaEvery === 0
  const delta = await written(
    store.folder,
    'delta.onx',
    generatedOnix(onixCount, (i) => Number(isNew(i))),
  )
  const changed = kinds.filter((kind, i) => isNew(i) && kind === 'good').length
  const second = await imported('ONIX, a delta', store, delta)
  expect('a delta', second, {
    ...{ created: 0, updated: changed, unchanged: taken + deletions - changed, rejected: refused },
  })
}

async function measureCsv(): Promise<void> {
  await using store = await openBenchStore(0)
  const refused = Math.floor(csvCount / 100)
  const list = await written(store.folder, 'list.csv', generatedCsv(csvCount))
  const first = await imported('CSV', store, list)
  expect('a list', first, { created: csvCount - refused, updated: 0, unchanged: 0, rejected: refused })
  const again = await imported('CSV, the same again', store, list)
  expect('the list again', again, {
    created: 0,
    updated: 0,
    unchanged: csvCount - refused,
    rejected: refused,
  })
}

type Counts = { created: number; updated: number; unchanged: number; rejected: number }
type Imported = Counts & { faultLines: number }

async function imported(
  name: string,
  { bookDbUrl, serverPids }: BenchStore,
  path: string,
): Promise<Imported> {
  const child = spawn(process.execPath, [main, 'import', path], {
    env: { ...process.env, OCTAVO_BOOK_DB: bookDbUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let lastWords = ''
  let faultLines = 0
  child.stdout.on('data', (text: Buffer) => {
    out += text
  })
  child.stderr.on('data', (text: Buffer) => {
    for (const byte of text) if (byte === 10) faultLines++
    lastWords = (lastWords + text.toString()).slice(-lastWordsKept)
  })
  const server = serverPids[0] ?? 0
  const serverBefore = cpuMsEver(server)
  let usedMs = 0
  let peakBytes = 0
  const looking = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid ?? 0))
    usedMs = Math.max(usedMs, cpuMs([child.pid ?? 0]))
  }, 200)
  const start = performance.now()
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearInterval(looking)
  const seconds = (performance.now() - start) / 1000
  const [read = 0, created = 0, updated = 0, unchanged = 0, rejected = 0] =
    /(\d+) records read: (\d+) new, (\d+) changed, (\d+) unchanged, (\d+) rejected/
      .exec(out)
      ?.slice(1)
      .map(Number) ?? []
  if (code !== 0) failures.push(`${name}: octavo import ended with ${code}: ${lastWords.trim()}`)
  const { size } = await stat(path)
  rows.push([
    ...[
      name,
      round(read),
      round(size / 1e6),
      seconds.toFixed(1),
      (usedMs / 1000).toFixed(1),
      ((cpuMsEver(server) - serverBefore) / 1000).toFixed(1),
      round(read / seconds),
      round(peakBytes / 1e6),
    ],
    ...[created, updated, unchanged, rejected].map(round),
  ])
  return { created, updated, unchanged, rejected, faultLines }
}

/** The most memory that a process has had, as Linux counts it. */
function peakOf(pid: number): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kilobytes ?? 0) * 1024
  } catch {
    // It has just ended.
    return 0
  }
}

function expect(what: string, found: Counts, wanted: Counts): void {
  for (const key of ['created', 'updated', 'unchanged', 'rejected'] as const)
    if (found[key] !== wanted[key]) failures.push(`${what}: ${found[key]} ${key}, not ${wanted[key]}`)
}

async function written(folder: string, name: string, pieces: Iterable<string>): Promise<string> {
  const path = join(folder, name)
  await pipeline(Readable.from(pieces), createWriteStream(path))
  return path
}
