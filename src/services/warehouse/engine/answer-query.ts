import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance, DuckDBValueConverter, Json } from '@duckdb/node-api'
import { list, literal, loadEngine } from '../store/duck.ts'
import type { LocalCut } from '../store/local-cut.ts'
import { createViews } from '../store/views.ts'
import { cellConverter } from './cell-converter.ts'

export type Format = 'json' | 'csv' | 'parquet'
export type Query = {
  sql: string
  format: Format
  /** Rows of an answer in JSON; there may be more. */
  rowsMax: number
}

/** `rows` as values by column: numbers, texts, moments as ISO 8601, nothing as null. */
export type Answered =
  | { kind: 'rows'; columns: { name: string; type: string }[]; rows: unknown[][]; more: boolean }
  | { kind: 'file'; bytes: Buffer }
  /** The SQL is not one that may be run, or does not run. */
  | { kind: 'refused'; reason: string }
  /** It took longer, or more memory, than there is for it. */
  | { kind: 'over'; reason: string }

/** By it Excel knows UTF-8; everybody else does without, and many programs take it for a part of the first name. */
export const byteOrderMark = Buffer.from('\ufeff')

/** An engine that can read one cut of the warehouse and nothing else. */
export type CutReader = AsyncDisposable & {
  answer(query: Query): Promise<Answered>
}

const memoryMbDefault = 256
/** What the engine's binding says of a text without a statement. */
const saidOfNothing = 'Error in native callback'
const fileBytesMax = 64 * 1024 * 1024
/** What a page can show, and two processes hand on, without a thought. */
const rowsBytesMax = 16 * 1024 * 1024

/**
 * Opens a cut: its tables as views, no other file, no network, no extension, and no way to change that. What it may
 * write, results on their way out, goes to a folder that it is given alone.
 */
export async function openCutReader(
  cut: LocalCut,
  workFolder: string,
  memoryMb = memoryMbDefault,
): Promise<CutReader> {
  const engine = await loadEngine()
  const { DuckDBInstance, StatementType } = engine
  const shown = cellConverter(engine)
  const folder = join(workFolder, randomUUID())
  await mkdir(folder, { recursive: true })
  const instance: DuckDBInstance = await DuckDBInstance.create(':memory:', {
    threads: '2',
    memory_limit: `${memoryMb}MB`,
    temp_directory: join(folder, 'spill'),
    max_temp_directory_size: '2GB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    enable_object_cache: 'true',
  })
  const connection: DuckDBConnection = await instance.connect()
  await createViews({ run: async (sql) => void (await connection.run(sql)) }, cut.manifest, cut.folder)
  await connection.run(
    `CREATE TEMP VIEW this_cut AS SELECT ${literal(cut.manifest.cutAt)}::TIMESTAMP AS cut_at, ${cut.sequence} AS sequence`,
  )
  await connection.run(`SET TimeZone = 'UTC'`)
  await connection.run(`SET allowed_directories = ${list([`${cut.folder}/`, `${folder}/`])}`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')

  const check = async (sql: string): Promise<string | undefined> => {
    const statements = await connection.extractStatements(sql)
    if (statements.count !== 1)
      return 'Send one statement; a PIVOT is one where it names its values: ON column IN (…).'
    const prepared = await statements.prepare(0)
    const isRead = prepared.statementType === StatementType.SELECT
    prepared.destroySync()
    return isRead ? undefined : 'Only SELECT may be run here.'
  }
  return {
    async answer({ sql, format, rowsMax }) {
      try {
        const refusal = await check(sql)
        if (refusal !== undefined) return { kind: 'refused', reason: refusal }
        if (format === 'json') return await rowsOf(connection, shown, sql, rowsMax)
        return await fileOf(connection, join(folder, `${randomUUID()}.${format}`), sql, format)
      } catch (error) {
        const said = (error as Error).message.split('\n')[0] ?? 'it does not run'
        const reason = said === saidOfNothing ? 'There is no statement in it.' : said
        return { kind: reason.startsWith('Out of Memory') ? 'over' : 'refused', reason }
      }
    },
    async [Symbol.asyncDispose]() {
      connection.closeSync()
      instance.closeSync()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function rowsOf(
  connection: DuckDBConnection,
  shown: DuckDBValueConverter<Json>,
  sql: string,
  rowsMax: number,
): Promise<Answered> {
  const result = await connection.stream(sql)
  const types = result.columnTypes().map(String)
  const columns = result.columnNames().map((name, i) => ({ name, type: types[i] ?? '' }))
  const rows: unknown[][] = []
  let bytes = 0
  for await (const some of result.yieldConvertedRows(shown))
    for (const row of some) {
      if (rows.length === rowsMax) return { kind: 'rows', columns, rows, more: true }
      const cells = row.map(flat)
      bytes += JSON.stringify(cells).length
      if (bytes > rowsBytesMax)
        return { kind: 'over', reason: `The rows have more than ${rowsBytesMax} bytes; ask for less.` }
      rows.push(cells)
    }
  return { kind: 'rows', columns, rows, more: false }
}

/** What has parts is told as JSON; a list of such has one for each. */
function flat(value: Json): Json {
  if (Array.isArray(value)) return value.map(flat)
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : value
}

async function fileOf(
  connection: DuckDBConnection,
  path: string,
  sql: string,
  format: 'csv' | 'parquet',
): Promise<Answered> {
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd'
  // Read by the engine as one query of its own, whatever follows or is said beside it.
  const rows = `query(${literal(sql)})`
  // The engine would write on until the disk is full.
  let isTooLarge = false
  let hasEnded = false
  const look = setInterval(async () => {
    // Not there yet, or not any more.
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    isTooLarge ||= size > fileBytesMax
    if (isTooLarge && !hasEnded) connection.interrupt()
  }, lookEveryMs)
  try {
    const chosen = format === 'csv' ? await forSpreadsheets(connection, sql, rows) : `FROM ${rows}`
    await connection.run(`COPY (${chosen}) TO ${literal(path)} (${options})`)
    const { size } = await stat(path)
    return size > fileBytesMax ? tooLarge : { kind: 'file', bytes: await readFile(path) }
  } catch (error) {
    if (isTooLarge) return tooLarge
    throw error
  } finally {
    hasEnded = true
    clearInterval(look)
    await rm(path, { force: true })
  }
}

const lookEveryMs = 20
const tooLarge = {
  kind: 'over',
  reason: `The file would have more than ${fileBytesMax} bytes; ask for less.`,
} as const

/**
 * What a spreadsheet would calculate, the name of a column too, is marked as text by an apostrophe. Source: OWASP, CSV
 * Injection.
 */
async function forSpreadsheets(connection: DuckDBConnection, sql: string, rows: string): Promise<string> {
  const prepared = await connection.prepare(sql)
  const columns = Array.from({ length: prepared.columnCount }, (_, i) => ({
    name: prepared.columnName(i),
    isCalculable: !isNumberOrTime.test(String(prepared.columnType(i))),
  }))
  prepared.destroySync()
  const signs = [...calculated].map((sign) => `chr(${sign.codePointAt(0)})`).join()
  // By their places: two may have the same name.
  const cells = columns.map(({ name, isCalculable }, i) => {
    const text = `c${i}::VARCHAR`
    const cell = isCalculable
      ? `CASE WHEN (${text})[1] IN (${signs}) THEN '''' || ${text} ELSE ${text} END`
      : `c${i}`
    const shown = calculated.has(name.charAt(0)) ? `'${name}` : name
    return `${cell} AS "${shown.replaceAll('"', '""')}"`
  })
  return `SELECT ${cells.join()} FROM ${rows} AS own (${columns.map((_, i) => `c${i}`).join()})`
}

const calculated = new Set('=+-@\t\r\n＝＋－＠')
const isNumberOrTime =
  /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL|BOOLEAN|DATE|TIME)(?![A-Z]*\[)/
