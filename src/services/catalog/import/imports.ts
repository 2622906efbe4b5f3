import { isCurrency } from '#kernel/currencies'
import { invalid, notFound, Problem, tooMany } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import { type Answer, answer, type HttpRequest } from '#ports/http'
import { logger } from '#ports/log'
import type { Import, ImportList, startImport } from '../contract.ts'
import type { FetchOverrides } from '../cover/fetch-picture.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import { parseMapping } from './columns.ts'
import { CoverLinks } from './cover-links.ts'
import { Findings } from './findings.ts'
import { faultsKeptMax, findImport, noteProgress } from './import-log.ts'
import { ReportBuilder } from './import-report.ts'
import { readFile } from './read-file.ts'
import type { ReadOptions } from './read-options.ts'
import { runImport } from './run-import.ts'
import {
  type ImportCounts,
  type ImportFault,
  type ImportOptions,
  importDefaults,
  type Shop,
  shopDefaults,
  UnreadableFile,
} from './source.ts'
import { type Spooled, spool } from './spool.ts'

const log = logger('import')

/** The imports that this process runs for `POST /api/imports`. Disposing it stops them between two batches. */
export type Imports = AsyncDisposable & {
  start(request: HttpRequest<typeof startImport>): Promise<Answer>
  get(id: string): Promise<Import>
  list(): Promise<ImportList>
}

/** One import keeps a core busy; more at once would only be slower together. */
const runningMax = 2
/** How many imports the history shows. */
const newestMax = 100
const aliveEveryMs = 5_000

type Stores = Pick<CatalogStore, 'books' | 'imports' | 'pictures'>

export function createImports(
  store: Stores,
  clock: Clock,
  shop: Shop = shopDefaults,
  world?: FetchOverrides,
): Imports {
  const running = new Set<Promise<void>>()
  let taken = 0
  const stop = new AbortController()
  return {
    async start(request) {
      const options = optionsOf(request, shop, clock.now())
      if (request.stream === undefined)
        throw unsupported('Send the file as text/csv, or ONIX as application/xml.')
      if (request.headers['content-encoding'] !== undefined) throw unsupported('Send the file uncompressed.')
      if (taken >= runningMax) throw tooMany('Other imports are running; try again when they are done.', 10)
      taken++
      const id = clock.uuid()
      let spooled: Spooled | undefined
      try {
        spooled = await spool(request.stream)
        await checkBeginning(spooled, options)
        await store.imports.begin(id, { file: options.file, dryRun: options.books.dryRun === true })
      } catch (error) {
        taken--
        await spooled?.[Symbol.asyncDispose]()
        throw error
      }
      const work = runOne({ store, clock, world }, id, spooled, options, stop.signal).finally(() => {
        taken--
        running.delete(work)
      })
      running.add(work)
      return answer(202, await findImport(store.imports, id), { location: `/api/imports/${id}` })
    },
    async get(id) {
      const found = await findImport(store.imports, id)
      if (found === undefined) throw notFound('such import')
      return found
    },
    list: async () => ({ items: await store.imports.newest(newestMax) }),
    async [Symbol.asyncDispose]() {
      stop.abort(new UnreadableFile('the catalog process was stopped; import the file again'))
      await Promise.all(running)
    },
  }
}

type Options = { isXml: boolean; reading: ReadOptions; books: ImportOptions; file: string | null }

function optionsOf(
  { query, contentType, headers }: HttpRequest<typeof startImport>,
  shop: Shop,
  nowMs: number,
): Options {
  const mapping = parseMapping(query.map ?? '')
  if (mapping.kind === 'error') throw invalid([{ field: 'map', message: mapping.message }])
  const currency = query.currency ?? shop.currency
  if (!isCurrency(currency)) throw invalid([{ field: 'currency', message: 'is not a currency of ISO 4217' }])
  return {
    isXml: contentType === 'application/xml' || contentType === 'text/xml',
    file: query.file?.replace(/\p{C}/gu, ' ').trim() || null,
    reading: {
      mapping: mapping.mapping,
      shop: { ...shop, currency },
      nowMs,
      ...charsetOf(headers['content-type']),
    },
    books: {
      ...(query.price !== undefined && { price: { amount: query.price, currency } }),
      dryRun: query.dryRun === true,
      copies: query.copies ?? importDefaults.copies,
      stock: query.stock ?? importDefaults.stock,
      covers: query.covers ?? 'leave',
    },
  }
}

function charsetOf(contentType: string | string[] | undefined): { charset?: string } {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(String(contentType ?? ''))?.[1]
  return charset === undefined ? {} : { charset }
}

const unsupported = (detail: string) => new Problem(415, 'unsupported-media-type', detail)

/** A file that is called CSV and begins as XML does is read as what it is; one that is called XML has to be that. */
function recordsOf(spooled: Spooled, { isXml, reading }: Options, findings = new Findings()) {
  return readFile(spooled.path, { ...reading, findings, isXml })
}

/** A file that is no catalogue at all is refused at once, instead of by an import that fails. */
async function checkBeginning(spooled: Spooled, options: Options): Promise<void> {
  try {
    for await (const _record of recordsOf(spooled, options)) return
  } catch (error) {
    if (error instanceof UnreadableFile)
      throw new Problem(400, 'unreadable-file', `Not imported: ${error.message}.`)
    throw error
  }
}

type Surroundings = { store: Stores; clock: Clock; world: FetchOverrides | undefined }

async function runOne(
  { store, clock, world }: Surroundings,
  id: string,
  spooled: Spooled,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const faults: ImportFault[] = []
  const findings = new Findings()
  const report = new ReportBuilder(findings)
  const links = new CoverLinks(options.books)
  let counts: ImportCounts = { read: 0, created: 0, updated: 0, unchanged: 0, rejected: 0 }
  const heartbeat = setInterval(() => void store.imports.noteAlive(id).catch(missed), aliveEveryMs)
  try {
    counts = await runImport(store.books, clock, recordsOf(spooled, options, findings), options.books, {
      signal,
      onNotes: (record, notes) => report.note(record, notes),
      onWritten: (record, written) => {
        report.written(record, written)
        links.note(record)
      },
      onRejected: (fault) => {
        if (faults.length < faultsKeptMax) faults.push(fault)
      },
      onProgress: (soFar) => {
        counts = soFar
        return noteProgress(store.imports, id, soFar, faults)
      },
    })
    await links.fetch(store, signal, (record, outcome) => report.cover(record, outcome), world)
    await noteProgress(store.imports, id, counts, faults, 'done', report.report())
  } catch (error) {
    const fault = { record: counts.read, message: wordsOf(error) }
    await noteProgress(store.imports, id, counts, [fault, ...faults], 'failed', report.report()).catch(missed)
  } finally {
    clearInterval(heartbeat)
    await spooled[Symbol.asyncDispose]()
  }
}

/** The import goes on, or is found without a sign of life later and given up then. */
const missed = (error: unknown) => log.warn('the progress of an import was not noted', { error })

function wordsOf(error: unknown): string {
  if (error instanceof UnreadableFile) return error.message
  log.error('an import failed', { error })
  return 'the database did not take the records; import the file again'
}
