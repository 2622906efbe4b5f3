import { createReadStream } from 'node:fs'
import type { Clock } from '#ports/clock'
import { openStore } from '../store/open-store.ts'
import { type ColumnMapping, parseMapping } from './columns.ts'
import { readCatalogue } from './read-catalogue.ts'
import { type ImportHooks, runImport } from './run-import.ts'
import {
  type ImportCounts,
  type ImportOptions,
  importDefaults,
  shopDefaults,
  UnreadableFile,
} from './source.ts'

export type FileImport = {
  path: string
  /** Field=column pairs, as `isbn=isbn13,title=name`. */
  map?: string
  price?: { amount: number; currency: string }
  copies?: number
}

export type FileImportHooks = ImportHooks & { onBytes?: (bytes: number) => void }

/**
 * Imports a file straight into BookDb, beside whatever runs on it: the same records by the same rules as
 * `POST /api/imports`, for whoever has the database at hand.
 * @throws UnreadableFile for a file or mapping that cannot be used; DatabaseUnavailable
 */
export async function importFile(
  databaseUrl: string,
  clock: Clock,
  { path, map = '', price = importDefaults.price, copies = importDefaults.copies }: FileImport,
  hooks: FileImportHooks = {},
): Promise<ImportCounts> {
  const options: ImportOptions = { price, copies }
  const csv = {
    mapping: mappingOf(map),
    shop: { ...shopDefaults, currency: price.currency },
    nowMs: clock.now(),
  }
  // A first look at the file needs no database, and most mistakes show in it.
  for await (const _record of readCatalogue(createReadStream(path), csv)) break
  await using store = await openStore(databaseUrl, { applicationName: 'octavo import', connectionsMax: 2 })
  await store.migrate()
  return await runImport(store.books, clock, readCatalogue(counted(path, hooks.onBytes), csv), options, hooks)
}

function mappingOf(map: string): ColumnMapping {
  const parsed = parseMapping(map)
  if (parsed.kind === 'error') throw new UnreadableFile(parsed.message)
  return parsed.mapping
}

async function* counted(
  path: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    onBytes(bytes)
    yield chunk
  }
}

export { type ImportCounts, type ImportFault, importDefaults, UnreadableFile } from './source.ts'
