import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Duck, literal } from '../store/duck.ts'
import { type StagedRow, type TableName, tableNames, tableOf } from '../tables.ts'

/** Rows that were read from the databases and are to go into the warehouse, in tables `new_<table>` of the engine. */
export type Staging = {
  add(table: TableName, row: StagedRow): void
  /** A row that the source has no more. */
  remove(table: TableName, owner: string): void
  /** Writes on when enough has come together; call it between pages. */
  relieve(): Promise<void>
  finish(): Promise<Record<TableName, number>>
}

const chunkBytes = 8 * 1024 * 1024

export async function openStaging(duck: Duck, folder: string): Promise<Staging> {
  const waiting = new Map<TableName, { lines: string[]; bytes: number }>()
  const counts = Object.fromEntries(tableNames.map((name) => [name, 0])) as Record<TableName, number>
  for (const name of tableNames) {
    const columns = Object.entries(tableOf(name).columns).map(([column, type]) => `${column} ${type}`)
    await duck.run(`CREATE OR REPLACE TABLE new_${name} (${columns.join()})`)
    await duck.run(`CREATE OR REPLACE TABLE gone_${name} (owner VARCHAR)`)
    waiting.set(name, { lines: [], bytes: 0 })
  }
  const gone: [TableName, string][] = []
  let files = 0
  const flush = async (name: TableName) => {
    const chunk = waiting.get(name)
    if (chunk === undefined || chunk.lines.length === 0) return
    const path = join(folder, `${name}-${files++}.json`)
    const file = await open(path, 'w', 0o600)
    await file.writeFile(chunk.lines.join('\n'))
    await file.close()
    waiting.set(name, { lines: [], bytes: 0 })
    const { columns } = tableOf(name)
    const types = Object.entries(columns).map(([column, type]) => `${literal(column)}: ${literal(type)}`)
    await duck.run(
      `INSERT INTO new_${name} SELECT ${Object.keys(columns).join()} FROM read_json(${literal(path)},
         format = 'newline_delimited', columns = {${types.join()}}, maximum_object_size = 33554432)`,
    )
    await rm(path)
  }
  return {
    add(table, row) {
      const chunk = waiting.get(table)
      if (chunk === undefined) return
      const line = JSON.stringify(row)
      chunk.lines.push(line)
      chunk.bytes += line.length
      counts[table]++
    },
    remove(table, owner) {
      gone.push([table, owner])
    },
    async relieve() {
      for (const [name, { bytes }] of waiting) if (bytes > chunkBytes) await flush(name)
    },
    async finish() {
      for (const name of tableNames) await flush(name)
      for (const [name, owner] of gone) await duck.run(`INSERT INTO gone_${name} VALUES (${literal(owner)})`)
      return counts
    },
  }
}
