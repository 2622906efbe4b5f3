import type { Connection } from 'mariadb'
import { DatabaseUnavailable, type Statements } from '../database.ts'
import { translated } from './errors.ts'

/** A server that does not even keep its own timeout is frozen or cut off: the connection is given up this much later. */
const graceMs = 2_000

/** Statements of one connection, sent without waiting for the ones before and answered in their order. */
export function statementsOn(connection: Connection, timeoutMs: number): Statements {
  return {
    async query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
      const result = await run(connection, timeoutMs, sql, params)
      return plainRows<Row>(result)
    },
    async execute(sql, params) {
      const result = (await run(connection, timeoutMs, sql, params)) as { affectedRows?: number }
      return result.affectedRows ?? 0
    },
  }
}

/** Rows alone, without what the driver hangs onto them. */
function plainRows<Row>(result: unknown): Row[] {
  return Array.isArray(result) ? Array.from(result as Row[]) : []
}

async function run(
  connection: Connection,
  timeoutMs: number,
  sql: string,
  params: readonly unknown[] = [],
): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DatabaseUnavailable('the database does not answer'))
      connection.destroy()
    }, timeoutMs + graceMs)
  })
  try {
    return await Promise.race([connection.query(sql, params), late])
  } catch (error) {
    const failure = translated(error)
    // A connection that was killed takes a moment to know it.
    if (failure instanceof DatabaseUnavailable) connection.destroy()
    throw failure
  } finally {
    clearTimeout(timer)
  }
}
