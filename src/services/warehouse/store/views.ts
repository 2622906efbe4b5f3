import { join } from 'node:path'
import { type TableName, tableNames, tableOf } from '../tables.ts'
import { type Duck, list } from './duck.ts'
import { localPart } from './local-cut.ts'
import { type Manifest, pathInCut } from './manifest.ts'

/**
 * SQL of a table's rows in files, which all have the columns of the first: another program's are read again whole. Columns
 * that they do not have are null.
 */
export function rowsIn(table: TableName, paths: readonly string[]): string {
  const columns = Object.entries(tableOf(table).columns)
  if (paths.length === 0)
    return `SELECT ${columns.map(([name, type]) => `NULL::${type} AS ${name}`).join()} WHERE false`
  const names = columns.map(([name]) => name).join()
  const nothing = columns.map(([name, type]) => `NULL::${type} AS ${name}`).join()
  return `SELECT ${names} FROM (SELECT * FROM read_parquet(${list(paths)}, hive_partitioning = false)
    UNION ALL BY NAME SELECT ${nothing} WHERE false)`
}

/** A view for each table of the warehouse, over the files of a cut in `folder`. */
export async function createViews(
  duck: Pick<Duck, 'run'>,
  manifest: Manifest,
  folder: string,
): Promise<void> {
  await viewsOver(duck, manifest, (part) => join(folder, pathInCut(part)))
}

/** The same over the files as they are kept beside the cuts. */
export async function createViewsOfParts(
  duck: Pick<Duck, 'run'>,
  manifest: Pick<Manifest, 'tables'>,
  root: string,
  names?: readonly TableName[],
): Promise<void> {
  await viewsOver(duck, manifest, (part) => localPart(root, part), names)
}

async function viewsOver(
  duck: Pick<Duck, 'run'>,
  manifest: Pick<Manifest, 'tables'>,
  pathOf: (part: { key: string; rows: number; bytes: number }) => string,
  names: readonly TableName[] = tableNames,
): Promise<void> {
  for (const name of names) {
    const paths = Object.values(manifest.tables[name] ?? {}).map(pathOf)
    await duck.run(`CREATE OR REPLACE TEMP VIEW ${name} AS ${rowsIn(name, paths)}`)
  }
}
