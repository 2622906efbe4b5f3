import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Duck, literal } from '../store/duck.ts'
import { type StagedRow, type TableName, tableNames, tableOf } from '../tables.ts'

/**
 * Rows that were read from the databases and are to go into the warehouse: in tables `new_<table>` of the engine, each row
 * with the part that it belongs to.
 */
export type Staging = {
  add(table: TableName, row: StagedRow): void
  /** A row as JSON, as a database that can writes it: spares taking it apart here. */
  addLine(table: TableName, line: string): void
  /** A row that the source has no more. */
  remove(table: TableName, owner: string): void
  /** Writes on when enough has come together; call it between pages. */
  relieve(): Promise<void>
  finish(): Promise<Record<TableName, number>>
}

/** Written on at once, and taken in by the engine at once: large enough for its own parallel reading. */
const chunkBytes = 4 * 1024 * 1024
const fileBytes = 64 * 1024 * 1024

type Waiting = {
  lines: string[]
  bytes: number
  file: { handle: FileHandle; path: string; bytes: number } | undefined
}

export async function openStaging(duck: Duck, folder: string): Promise<Staging> {
  const waiting = new Map<TableName, Waiting>()
  const counts = Object.fromEntries(tableNames.map((name) => [name, 0])) as Record<TableName, number>
  const tables = tableNames.flatMap((name) => {
    const columns = Object.entries(tableOf(name).columns).map(([column, type]) => `${column} ${type}`)
    waiting.set(name, { lines: [], bytes: 0, file: undefined })
    return [
      `CREATE TABLE new_${name} (${columns.join()}, part VARCHAR)`,
      `CREATE TABLE gone_${name} (owner VARCHAR)`,
    ]
  })
  await duck.run(`BEGIN; ${tables.join('; ')}; COMMIT`)
  const gone: [TableName, string][] = []
  let files = 0
  /** The engine takes a file in while the next one is read and written. */
  let taking: Promise<void> = Promise.resolve()
  const write = async (name: TableName, own: Waiting) => {
    const text = `${own.lines.join('\n')}\n`
    own.lines = []
    own.bytes = 0
    if (own.file === undefined) {
      const path = join(folder, `${name}-${files++}.json`)
      own.file = { path, bytes: 0, handle: await open(path, 'w', 0o600) }
    }
    await own.file.handle.appendFile(text)
    own.file.bytes += text.length
  }
  const takeIn = async (name: TableName, own: Waiting) => {
    if (own.lines.length > 0) await write(name, own)
    const { file } = own
    if (file === undefined) return
    own.file = undefined
    await file.handle.close()
    await taking
    taking = takeFile(duck, name, file.path)
    // Whoever waits for it next is told; until then a failure is nobody's.
    taking.catch(() => undefined)
  }
  const addLine = (table: TableName, line: string) => {
    const own = waiting.get(table)
    if (own === undefined) return
    own.lines.push(line)
    own.bytes += line.length
    counts[table]++
  }
  const relieveNow = async () => {
    for (const [name, own] of waiting) {
      if (own.bytes > chunkBytes) await write(name, own)
      if ((own.file?.bytes ?? 0) > fileBytes) await takeIn(name, own)
    }
  }
  /** One at a time, whoever asks: both databases are read at once. */
  let relieving: Promise<void> = Promise.resolve()
  return {
    addLine,
    add: (table, row) => addLine(table, JSON.stringify(row)),
    remove(table, owner) {
      gone.push([table, owner])
    },
    async relieve() {
      relieving = relieving.then(relieveNow)
      await relieving
    },
    async finish() {
      for (const [name, own] of waiting) await takeIn(name, own)
      await taking
      for (const [name, owner] of gone) await duck.run(`INSERT INTO gone_${name} VALUES (${literal(owner)})`)
      return counts
    },
  }
}

async function takeFile(duck: Duck, name: TableName, path: string): Promise<void> {
  const { columns, part } = tableOf(name)
  const types = Object.entries(columns).map(([column, type]) => `${literal(column)}: ${literal(type)}`)
  await duck.run(
    `INSERT INTO new_${name} SELECT ${Object.keys(columns).join()}, ${part} FROM read_json(${literal(path)},
       format = 'newline_delimited', columns = {${types.join()}}, maximum_object_size = 33554432)`,
  )
  await rm(path)
}
