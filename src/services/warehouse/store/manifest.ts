import { logger } from '#ports/log'
import type { ObjectStore } from '#ports/object-store'
import type { TableName } from '../tables.ts'

const log = logger('warehouse')

/**
 * Which objects are the warehouse, and at which cut: the last one that was published says it. Whoever has read one sees
 * one cut, and objects are never changed.
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
/** Of every manifest, that of earlier programs too, which was one object and comes first in order. */
const manifestPrefix = `${warehouseFolder}/manifest`
export const partsFolder = `${warehouseFolder}/parts/`

/**
 * Each manifest has a key of its own, in the order in which their loads began: what counts is the last. So one that a store
 * puts in place only after the next has been published changes nothing. Two of the same number are told apart by when
 * OrderDb was told that their loads began, which is never the same moment twice.
 */
const keyOf = ({ sequence, cursors: { marks } }: Manifest) => {
  const number = String(sequence).padStart(12, '0')
  return `${manifestPrefix}s/${number}-${String(Date.parse(marks.orderDb)).padStart(15, '0')}.json`
}

/** Another one is published and the last but one removed, while somebody reads: not more often than this meanwhile. */
const listedAgainMax = 5

/**
 * The warehouse as it was last published, or `undefined` before the first load. One that cannot be read is passed over.
 * @throws when it is of a later format
 */
export async function readManifest(
  objects: Pick<ObjectStore, 'get' | 'list'>,
): Promise<Manifest | undefined> {
  for (let i = 1; ; i++) {
    const keys = await objects.list(manifestPrefix)
    const found = await lastOf(objects, keys.toReversed(), i === listedAgainMax)
    if (found !== 'gone') return found
  }
}

/** @returns `gone` when one of them is there no more, unless those are passed over too */
async function lastOf(
  objects: Pick<ObjectStore, 'get'>,
  keys: readonly string[],
  passesOverGone: boolean,
): Promise<Manifest | undefined | 'gone'> {
  for (const key of keys) {
    const object = await objects.get(key)
    if (object === undefined && !passesOverGone) return 'gone'
    const manifest = object && parsed(object.body)
    if (manifest === undefined) log.warn('a manifest of the warehouse cannot be read', { key })
    else if (manifest.format === 1) return manifest
    else throw new Error(`the warehouse has format ${manifest.format}; this program knows 1`)
  }
  return undefined
}

function parsed(body: Uint8Array): Manifest | undefined {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8')) as Manifest
  } catch {
    // Whoever asked says which one it is.
    return undefined
  }
}

export async function publish(objects: Pick<ObjectStore, 'put'>, manifest: Manifest): Promise<void> {
  await objects.put(keyOf(manifest), Buffer.from(JSON.stringify(manifest)), 'application/json')
}

/** Removes manifests but the last one and the one before it, which somebody may just be about to read. */
export async function removeManifests(
  objects: Pick<ObjectStore, 'list' | 'delete'>,
  kept: readonly (Manifest | undefined)[],
): Promise<void> {
  const keys = kept.map((manifest) => manifest && keyOf(manifest))
  for (const key of await objects.list(manifestPrefix)) if (!keys.includes(key)) await objects.delete(key)
}

export const partsOf = (manifest: Manifest): Part[] =>
  Object.values(manifest.tables).flatMap((parts) => Object.values(parts))

/** The folder of a part's file in a cut: `orders/week=2026-11-23/0000001-0.parquet`. */
export const pathInCut = ({ key }: Pick<Part, 'key'>): string => key.slice(partsFolder.length)
