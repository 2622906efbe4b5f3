import { adapterFor } from '#kernel/adapters'
import type { DatabaseState } from '#kernel/database-state'

type Ask = (name: string, url: string, limitMs: number) => Promise<DatabaseState>

const limitMs = 2_000

const postgres: Ask = async (...asked) => (await import('#ports/postgres')).askState(...asked)
const mariadb: Ask = async (...asked) => (await import('./mariadb/database-state.ts')).askState(...asked)
const adapters: Readonly<Record<string, Ask>> = {
  ...{ postgres, postgresql: postgres },
  ...{ mariadb, mysql: mariadb },
}

/** How the servers of the database at a URL stand. One that does not answer is `away`. */
export async function databaseState(name: string, url: string): Promise<DatabaseState> {
  return await adapterFor(url, 'database', adapters)(name, url, limitMs)
}
