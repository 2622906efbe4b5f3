import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '#ports/database'
import { startPostgres } from '../../src/local/postgres-server.ts'

/** The databases of a store's two servers, by the folders of `layServers`. */
export const databaseNames = { 'book-db': 'books', 'order-db': 'orders' } as const

/** What tests of backups write: moves in one database by transactions that the other one decides. */
export type Contents = { moves: number[]; inDoubt: number[]; decisions: number[] }

/** Starts both servers on what was restored, reads it and stops them again. */
export async function restoredContents(dataPath: string): Promise<Contents> {
  const numbers = async (name: keyof typeof databaseNames, table: string) => {
    await using server = await startPostgres({
      path: join(dataPath, name),
      password: passwordIn(dataPath, name),
      mayMake: false,
    })
    await using database = await openDatabase(server.url(databaseNames[name]), { applicationName: 'test' })
    const rows = await database.query<{ n: number }>(`SELECT n FROM ${table}`)
    const inDoubt = (await database.prepared.inDoubt()).map((id) => Number(id.slice(1)))
    return { found: rows.map(({ n }) => n), inDoubt }
  }
  const books = await numbers('book-db', 'moves')
  const orders = await numbers('order-db', 'decisions')
  return { moves: books.found, inDoubt: books.inDoubt, decisions: orders.found }
}

export const passwordIn = (dataPath: string, name: string): string =>
  readFileSync(join(dataPath, 'secrets', `${name}-password`), 'utf8').trim()
