import type { DuckDBConnection } from '@duckdb/node-api'

/** An engine of its own in this process, with bounds. Nothing of it is loaded before the first one is opened. */
export type Duck = AsyncDisposable & {
  run(sql: string): Promise<void>
  rows<Row = Record<string, unknown>>(sql: string): Promise<Row[]>
  connection: DuckDBConnection
}

export type DuckOptions = {
  /** Where it keeps its tables and what does not fit into memory. */
  folder: string
  memoryMb?: number
  threads?: number
}

/** Its engine is missing here: it is in an image of its own. */
class NoEngine extends Error {
  override name = 'NoEngine'
}

/** Looks whether it is here, without loading it. @throws NoEngine saying where there is one */
export function findEngine(): void {
  try {
    import.meta.resolve('@duckdb/node-api')
  } catch (cause) {
    const words = "the warehouse's engine (DuckDB) is not in this image; run this in octavo-warehouse"
    throw new NoEngine(words, { cause })
  }
}

/** @throws NoEngine */
export async function loadEngine(): Promise<typeof import('@duckdb/node-api')> {
  findEngine()
  return await import('@duckdb/node-api')
}

export async function openDuck({ folder, memoryMb = 512, threads = 2 }: DuckOptions): Promise<Duck> {
  const { DuckDBInstance } = await loadEngine()
  const instance = await DuckDBInstance.create(`${folder}/engine.duckdb`, {
    threads: String(threads),
    memory_limit: `${memoryMb}MB`,
    temp_directory: `${folder}/spill`,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
  // Its file goes with the load: what is not written for later needs no tidying up.
  await connection.run('PRAGMA disable_checkpoint_on_shutdown')
  await connection.run(`SET checkpoint_threshold = '1GB'`)
  return {
    connection,
    async run(sql) {
      await connection.run(sql)
    },
    async rows<Row>(sql: string) {
      const result = await connection.runAndReadAll(sql)
      return result.getRowObjectsJson() as Row[]
    },
    async [Symbol.asyncDispose]() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** A text as an SQL literal. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
export const list = (texts: readonly string[]) => `[${texts.map(literal).join()}]`
