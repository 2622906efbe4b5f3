import type { ObjectStore } from '#ports/object-store'
import type { TableName } from '../tables.ts'

/**
 * Which objects are the warehouse now, and at which cut. It is replaced whole: whoever has read one sees one cut, and
 * objects are never changed.
 */
export type Manifest = {
  format: 1
  /** Counts up with every load that is published. */
  sequence: number
  /** The moment of the cut, by OrderDb's clock (ISO 8601). */
  cutAt: string
  loadedAt: string
  /** Objects of each table, by part. */
  tables: Record<TableName, Record<string, Part>>
  cursors: Cursors
  /** Which key its pseudonyms were made with; manifests of before did not say. */
  pseudonyms?: string
  /** Which columns its tables have; manifests of before did not say. */
  shape?: string
  /** What the sources and the warehouse do not agree on; empty when all is well. */
  disagreements: string[]
  /** Objects that a load has replaced, kept a while for whoever still reads them. */
  superseded: { key: string; atMs: number }[]
}

/** `crc32` is of its file; manifests of before did not say. */
export type Part = { key: string; rows: number; bytes: number; crc32?: number }

/** How far each source has been read. */
export type Cursors = {
  orders: { snapshot: string; atMs: number }
  books: { atMs: number }
  /** What the searches without a hit of each day add up to; manifests of before did not say. */
  searches?: Readonly<Record<string, string>>
  ledger: {
    /** The highest number seen. */
    max: number
    /** Numbers below it that were not seen: of transactions that were under way, or that came to nothing. */
    open: NumberGap[]
  }
  /** When this load began, as noted in each database: one that knows nothing of it was put back to an earlier state. */
  marks: { orderDb: string; bookDb: string }
}

export type NumberGap = { from: number; to: number; sinceMs: number }

const warehouseFolder = 'warehouse'
const manifestKey = `${warehouseFolder}/manifest.json`
export const partsFolder = `${warehouseFolder}/parts/`

/** The warehouse as it was last published, or `undefined` before the first load. */
export async function readManifest(objects: Pick<ObjectStore, 'get'>): Promise<Manifest | undefined> {
  const object = await objects.get(manifestKey)
  if (object === undefined) return undefined
  const manifest = JSON.parse(Buffer.from(object.body).toString('utf8')) as Manifest
  if (manifest.format !== 1)
    throw new Error(`the warehouse has format ${manifest.format}; this program knows 1`)
  return manifest
}

export async function publish(objects: Pick<ObjectStore, 'put'>, manifest: Manifest): Promise<void> {
  await objects.put(manifestKey, Buffer.from(JSON.stringify(manifest)), 'application/json')
}

export const partsOf = (manifest: Manifest): Part[] =>
  Object.values(manifest.tables).flatMap((parts) => Object.values(parts))

/** The folder of a part's file in a cut: `orders/week=2026-11-23/0000001-0.parquet`. */
export const pathInCut = ({ key }: Pick<Part, 'key'>): string => key.slice(partsFolder.length)
