import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { ObjectStore } from '#ports/object-store'
import { type Duck, literal, type Speaking } from '../store/duck.ts'
import { bring, localPart } from '../store/local-cut.ts'
import { type Manifest, type Part, partsFolder } from '../store/manifest.ts'
import { someAtOnce } from '../store/some-at-once.ts'
import { rowsIn } from '../store/views.ts'
import { type TableName, tableNames, tableOf } from '../tables.ts'

export type Merging = {
  duck: Duck
  /** The warehouse's folder on this machine. */
  root: string
  objects: Pick<ObjectStore, 'get'>
  /** What there was, or nothing when all has been read again. */
  before: Manifest['tables'] | undefined
  /** Of this load, in the names of its files. */
  name: string
  /** Told of each part that was written. */
  onWritten: (part: Part) => void
}

/** Two cores at once, where parts are so small that the engine uses one for each. */
const atOnceMax = 2

/** Writes the parts that staged rows belong to anew, beside those that there are. @returns all parts then */
export async function mergeParts(merging: Merging): Promise<Manifest['tables']> {
  const { duck, before, onWritten } = merging
  const after = {} as Record<TableName, Record<string, Part>>
  const touched: { table: TableName; part: Touched }[] = []
  for (const table of tableNames) {
    after[table] = { ...before?.[table] }
    for (const part of await touchedOf(duck, table)) touched.push({ table, part })
  }
  const connections = await Promise.all(Array.from({ length: atOnceMax }, () => duck.beside()))
  await someAtOnce(touched, atOnceMax, async ({ table, part }) => {
    const own = connections.pop() as Speaking
    const rewritten = await rewrite(merging, own, table, part, after[table][part.part])
    connections.push(own)
    if (rewritten === undefined) delete after[table][part.part]
    else after[table][part.part] = rewritten
    if (rewritten !== undefined) onWritten(rewritten)
  })
  return after
}

async function touchedOf(duck: Speaking, table: TableName): Promise<Touched[]> {
  const { owner, partOfGone = 'NULL' } = tableOf(table)
  return await duck.rows<Touched>(
    `SELECT part, min(owner) AS first, max(owner) AS last FROM (
       SELECT part, ${owner} AS owner FROM new_${table}
       UNION ALL SELECT ${partOfGone}, NULL FROM gone_${table})
      GROUP BY part ORDER BY part`,
  )
}

/** A part with staged rows, and between which owners they are; nothing where rows are only gone. */
type Touched = { part: string; first: string | null; last: string | null }

/** @returns undefined when no row is left */
async function rewrite(
  { root, objects, name: load }: Merging,
  duck: Speaking,
  table: TableName,
  { part: name, first, last }: Touched,
  old: Part | undefined,
): Promise<Part | undefined> {
  const { columns, owner, order } = tableOf(table)
  const names = Object.keys(columns).join()
  // Rows come in the order of their owners, so that most of the staged ones are passed over unread.
  const between = `new.${owner} >= ${literal(first ?? '')} AND new.${owner} <= ${literal(last ?? '')}`
  const staged = `new.part = ${literal(name)} AND ${first === null ? 'false' : between}`
  const kept =
    old === undefined
      ? ''
      : `SELECT ${names} FROM (${rowsIn(table, [await bring(root, objects, old)])}) AS old
          WHERE NOT EXISTS (FROM new_${table} AS new WHERE ${staged} AND new.${owner} = old.${owner})
            AND NOT EXISTS (FROM gone_${table} WHERE gone_${table}.owner = old.${owner}::VARCHAR)
         UNION ALL BY NAME`
  const key = `${partsFolder}${table}/${name}/${load}.parquet`
  const path = localPart(root, { key })
  await mkdir(dirname(path), { recursive: true })
  const [written] = await duck.rows<{ Count: string }>(
    `COPY (${kept} SELECT ${names} FROM new_${table} AS new WHERE ${staged} ORDER BY ${order})
       TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)`,
  )
  const rows = Number(written?.Count)
  if (rows > 0) {
    const file = await readFile(path)
    return { key, rows, bytes: file.length, crc32: crc32(file) }
  }
  await rm(path)
  return undefined
}
