import { basename } from 'node:path'
import type { Clock } from '#ports/clock'
import type { ImportReport } from '../contract.ts'
import { openStore } from '../store/open-store.ts'
import { type ColumnMapping, parseMapping } from './columns.ts'
import { CoverLinks } from './cover-links.ts'
import { Findings } from './findings.ts'
import { faultsKeptMax, noteProgress } from './import-log.ts'
import { ReportBuilder } from './import-report.ts'
import { readFile } from './read-file.ts'
import { type ImportHooks, runImport } from './run-import.ts'
import {
  type CoversOption,
  type ImportCounts,
  type ImportFault,
  type ImportOptions,
  importDefaults,
  type Shop,
  type StockOption,
  UnreadableFile,
} from './source.ts'

export type FileImport = {
  path: string
  /** Field=column pairs, as `isbn=isbn13,title=name`. */
  map?: string
  shop: Shop
  price?: { amount: number; currency: string }
  copies?: number
  stock?: StockOption
  covers?: CoversOption
  dryRun?: boolean
}

export type FileImportHooks = Pick<ImportHooks, 'onProgress' | 'onRejected' | 'signal'> & {
  onBytes?: (bytes: number) => void
}
export type FileImportResult = { counts: ImportCounts; report: ImportReport }

/**
 * Imports a file straight into BookDb, beside whatever runs on it: the same records by the same rules as
 * `POST /api/imports`, kept in the same history, for whoever has the database at hand.
 * @throws UnreadableFile for a file or mapping that cannot be used; DatabaseUnavailable
 */
export async function importFile(
  databaseUrl: string,
  clock: Clock,
  given: FileImport,
  hooks: FileImportHooks = {},
): Promise<FileImportResult> {
  const { path, map = '', shop, price, dryRun = false } = given
  const { copies = importDefaults.copies, stock = importDefaults.stock, covers = 'leave' } = given
  const options: ImportOptions = { ...(price !== undefined && { price }), copies, stock, covers, dryRun }
  const findings = new Findings()
  const report = new ReportBuilder(findings)
  const links = new CoverLinks(options)
  const reading = { mapping: mappingOf(map), shop, nowMs: clock.now() }
  // A first look at the file needs no database, and most mistakes show in it.
  for await (const _record of readFile(path, reading)) break
  await using store = await openStore(databaseUrl, { applicationName: 'octavo import', connectionsMax: 2 })
  await store.migrate()
  const id = clock.uuid()
  await store.imports.begin(id, { file: basename(path), dryRun })
  const faults: ImportFault[] = []
  let soFar: ImportCounts = { read: 0, created: 0, updated: 0, unchanged: 0, rejected: 0 }
  const source = readFile(path, {
    ...reading,
    findings,
    ...(hooks.onBytes !== undefined && { onBytes: hooks.onBytes }),
  })
  try {
    const counts = await runImport(store.books, clock, source, options, {
      ...hooks,
      onNotes: (record, notes) => report.note(record, notes),
      onWritten: (record, written) => {
        report.written(record, written)
        links.note(record)
      },
      onRejected: (fault) => {
        if (faults.length < faultsKeptMax) faults.push(fault)
        hooks.onRejected?.(fault)
      },
      onProgress: async (counts) => {
        soFar = { ...counts }
        await noteProgress(store.imports, id, counts, faults)
        await hooks.onProgress?.(counts)
      },
    })
    await links.fetch(store, hooks.signal ?? new AbortController().signal, (record, outcome) =>
      report.cover(record, outcome),
    )
    await noteProgress(store.imports, id, counts, faults, 'done', report.report())
    return { counts, report: report.report() }
  } catch (error) {
    const message = error instanceof UnreadableFile ? error.message : 'the import was ended'
    const all = [{ record: soFar.read, message }, ...faults]
    // What ended the import is what is told, below.
    await noteProgress(store.imports, id, soFar, all, 'failed', report.report()).catch(() => undefined)
    throw error
  }
}

function mappingOf(map: string): ColumnMapping {
  const parsed = parseMapping(map)
  if (parsed.kind === 'error') throw new UnreadableFile(parsed.message)
  return parsed.mapping
}

export {
  coversOptions,
  type ImportCounts,
  type ImportFault,
  importDefaults,
  stockOptions,
  UnreadableFile,
} from './source.ts'
