import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { request } from 'undici'
import { openCache } from '#ports/cache'
import { openStore } from '../src/services/catalog/store/open-store.ts'
import { startRedis } from '../test/support/redis.ts'
import { startStore } from '../test/support/whole-store.ts'
import { cpuMs, cpuMsBelow } from './cpu.ts'
import { measure, median, printTable, ratio, round } from './rounds.ts'
import { type Served, startStatic } from './static-server.ts'

// Reads of the catalogue: from the gateway's memory against nginx with the same bytes, uncached against bare SQL, and
// the level that gateways share against memory.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
  },
})
const [rounds, seconds, connections] = [
  Number(values.rounds),
  Number(values.seconds),
  Number(values.connections),
]

await using stack = new AsyncDisposableStack()
const scope = { after: (end: () => unknown) => stack.defer(async () => void (await end())) }
const store = await startStore(scope, 'on')
const folder = mkdtempSync(join(tmpdir(), 'octavo-bench-'))
stack.defer(() => rmSync(folder, { recursive: true, force: true }))

await cachedReads()
await uncachedLists()
await sharedLevel()

/** What many ask for: answered from memory. */
async function cachedReads(): Promise<void> {
  const list = (await (await fetch(`${store.url}/api/books?limit=24`)).json()) as {
    items: { isbn: string; cover: string }[]
  }
  const [book] = list.items
  const paths = { book: `/api/books/${book?.isbn}`, list: '/api/books?limit=24', cover: book?.cover ?? '' }
  const files: (Served & { path: string })[] = []
  for (const [name, path] of Object.entries(paths)) {
    const answer = await fetch(new URL(path, store.url), { headers: { 'accept-encoding': 'identity' } })
    const bytes = Buffer.from(await answer.arrayBuffer())
    files.push({ name, path, type: answer.headers.get('content-type') ?? '', bytes })
  }
  await using nginx = await startStatic(folder, files)
  const rows: string[][] = []
  for (const { name, path, bytes } of files) {
    const ours: Load[] = []
    const theirs: Load[] = []
    await load(store.url + new URL(path, store.url).pathname + new URL(path, store.url).search, gatewayCpuMs)
    for (let i = 0; i < rounds; i++) {
      theirs.push(await load(`${nginx.url}/${name}`, () => cpuMs([nginx.pid])))
      ours.push(await load(new URL(path, store.url).href, gatewayCpuMs))
    }
    const rate = (loads: readonly Load[]) => median(loads.map(({ perSecond }) => perSecond))
    const cost = (loads: readonly Load[]) => median(loads.map(({ cpuUs }) => cpuUs))
    rows.push([
      `${name}, ${(bytes.length / 1024).toFixed(1)} KB`,
      ...[round(rate(ours)), round(rate(theirs)), ratio(rate(ours) / rate(theirs))],
      ...[`${round(cost(ours))} µs`, `${round(cost(theirs))} µs`, ratio(cost(theirs) / cost(ours))],
    ])
  }
  console.log(
    `\nFrom memory, ${connections} connections, medians of ${rounds} rounds; CPU is that of the server`,
  )
  printTable(['', 'gateway/s', 'nginx/s', 'ratio', 'gateway CPU', 'nginx CPU', 'ratio'], rows)
  const { hits, misses } = await cacheCounts()
  console.log(`hit rate ${((100 * hits) / (hits + misses)).toFixed(2)} %`)
}

/** Lists that nobody has asked for before, against the statement of their page alone. */
async function uncachedLists(): Promise<void> {
  const callers = 8
  const url = readFileSync(join(store.data, 'secrets', 'book-db-url'), 'utf8').trim()
  await using books = await openStore(url, { applicationName: 'bench-read' })
  let asked = 0
  const overHttp = async () => {
    const { statusCode, body } = await request(
      `${store.url}/api/books?limit=24&maxPrice=${1_000_000 + asked++}`,
    )
    await body.dump()
    if (statusCode !== 200) throw new Error(`a list was answered with ${statusCode}`)
  }
  const bare = async () => {
    const filter = { search: { kind: 'all' as const }, nowMs: Date.now(), maxPrice: 1_000_000 + asked++ }
    await books.books.page({ filter, order: 'title', limit: 24 })
  }
  const rates: [number, number][] = []
  await measure(overHttp, callers, seconds)
  for (let i = 0; i < rounds; i++)
    rates.push([
      (await measure(overHttp, callers, seconds)).perSecond,
      (await measure(bare, callers, seconds)).perSecond,
    ])
  const [ours, sql] = [median(rates.map(([each]) => each)), median(rates.map(([, each]) => each))]
  console.log(`\nUncached lists of 24, ${callers} callers`)
  printTable(
    ['', 'per second', '÷ SQL alone'],
    [
      ['page, total and facets over HTTP', round(ours), ratio(ours / sql)],
      ['SQL of the page', round(sql), '1.00'],
    ],
  )
}

/** One entry of 10 KB, read over and over. */
async function sharedLevel(): Promise<void> {
  const redis = [await startRedis(scope), await startRedis(scope), await startRedis(scope)]
  const urls = {
    memory: 'memory:bench',
    redis: `redis://${redis.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
  }
  const rates: Record<string, number> = {}
  for (const [name, url] of Object.entries(urls)) {
    await using cache = await openCache(url)
    while ((await cache.read('key')) === undefined) {
      await cache.write('key', Buffer.alloc(10_240), 600_000)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const reading = async () => void (await cache.read('key'))
    await measure(reading, 64, 1)
    rates[name] = (await measure(reading, 64, seconds)).perSecond
  }
  console.log('\nReads of one entry of 10 KB by one process')
  printTable(
    ['', 'per second', '÷ memory'],
    Object.entries(rates).map(([name, rate]) => [name, round(rate), (rate / (rates.memory ?? 1)).toFixed(3)]),
  )
}

type Load = { perSecond: number; cpuUs: number }

/** @param usedMs what the server has used of a processor so far */
async function load(url: string, usedMs: () => number): Promise<Load> {
  const before = usedMs()
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, url]
  const { stdout } = await promisify(execFile)('wrk', args).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('there is no wrk here: apt-get install wrk') : error
  })
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not every answer of ${url} was 200:\n${stdout}`)
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    cpuUs: ((usedMs() - before) / requests) * 1000,
  }
}

function gatewayCpuMs(): number {
  return cpuMsBelow(process.pid).get('gateway') ?? 0
}

async function cacheCounts(): Promise<{ hits: number; misses: number }> {
  const text = await (await fetch(`${store.url}/metrics`)).text()
  const of = (name: string) =>
    Number(new RegExp(`^octavo_gateway_cache_${name}_total (\\d+)`, 'm').exec(text)?.[1])
  return { hits: of('hits') + of('stale'), misses: of('misses') }
}
