import type { DuckDBConnection } from '@duckdb/node-api'

/** What is said over one connection: one statement after the other. */
export type Speaking = {
  run(sql: string): Promise<void>
  rows<Row = Record<string, unknown>>(sql: string): Promise<Row[]>
}

/** An engine of its own in this process, with bounds. Nothing of it is loaded before the first one is opened. */
export type Duck = AsyncDisposable &
  Speaking & {
    /** Another connection, for what may run beside other statements; it goes with the engine. */
    beside(): Promise<Speaking>
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
  const connections: DuckDBConnection[] = []
  const connect = async () => {
    const connection = await instance.connect()
    connections.push(connection)
    await connection.run(`SET TimeZone = 'UTC'`)
    return speakingBy(connection)
  }
  const first = await connect()
  // Its file goes with the load: what is not written for later needs no tidying up.
  await first.run('PRAGMA disable_checkpoint_on_shutdown')
  await first.run(`SET checkpoint_threshold = '1GB'`)
  return {
    ...first,
    beside: connect,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.closeSync()
      instance.closeSync()
    },
  }
}

const speakingBy = (connection: DuckDBConnection): Speaking => ({
  async run(sql) {
    await connection.run(sql)
  },
  async rows<Row>(sql: string) {
    const result = await connection.runAndReadAll(sql)
    return result.getRowObjectsJson() as Row[]
  },
})

/** A text as an SQL literal. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
export const list = (texts: readonly string[]) => `[${texts.map(literal).join()}]`
