import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '#ports/database'

const services = join(import.meta.dirname, '..', '..', 'src', 'services')
const migrations = {
  postgres: join(services, 'orders', 'migrations', '007-turns.sql'),
  mariadb: join(services, 'catalog', 'store', 'mariadb', 'migrations', '006-turns.sql'),
}

/** Makes the tables of turns as the services' migrations do. @returns the schema they are in */
export async function makeTurnTables(database: Database): Promise<string> {
  const { name } = database.dialect
  await database.exclusively('turns', async (session) => {
    if (name === 'postgres') await session.script('CREATE SCHEMA IF NOT EXISTS orders')
    await session.script(readFileSync(migrations[name], 'utf8'))
  })
  return 'orders'
}
