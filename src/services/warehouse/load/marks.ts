import type { Database, Statements } from '#ports/database'
import type { Cursors } from '../store/manifest.ts'
import { dialectOf } from './dialect.ts'

/** Each database is told when a load begins: one that does not remember was put back to a time before it. */
type Sources = { orderDb: Database; bookDb: Database }

const name = 'warehouse load'

/** @returns what is noted now */
export async function markLoads({ orderDb, bookDb }: Sources): Promise<Cursors['marks']> {
  await orderDb.execute(
    `INSERT INTO orders.marks (name, at) VALUES ($1, now())
     ON CONFLICT (name) DO UPDATE SET at = greatest(excluded.at, orders.marks.at + interval '1 millisecond')`,
    [name],
  )
  const dialect = dialectOf(bookDb)
  await bookDb.execute(...dialect.inOrder(dialect.mark, [name]))
  return await readMarks({ orderDb, bookDb })
}

/** Whether a database knows of no load as late as the last one that was published. */
export async function wasPutBack(sources: Sources, last: Cursors['marks']): Promise<boolean> {
  const now = await readMarks(sources)
  return now.orderDb < last.orderDb || now.bookDb < last.bookDb
}

async function readMarks({ orderDb, bookDb }: Sources): Promise<Cursors['marks']> {
  const dialect = dialectOf(bookDb)
  const read = async (statements: Statements, table: string, parameter: string) => {
    const [row] = await statements.query<{ at: Date }>(
      `SELECT at FROM ${table} WHERE name = ${parameter}`.replaceAll(/\?\d/g, '?'),
      [name],
    )
    return row?.at.toISOString() ?? ''
  }
  return {
    orderDb: await read(orderDb, 'orders.marks', '$1'),
    bookDb: await read(bookDb, dialect.table('marks'), dialect.parameter(1)),
  }
}
