import type { Database } from '#ports/database'
import type { Cursors } from '../store/manifest.ts'
import { bookDbOf } from './book-db.ts'

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
  const books = bookDbOf(bookDb, bookDb)
  await books.execute(books.mark, [name])
  return await readMarks({ orderDb, bookDb })
}

/** Whether a database knows of no load as late as the last one that was published. */
export async function wasPutBack(sources: Sources, last: Cursors['marks']): Promise<boolean> {
  const now = await readMarks(sources)
  return now.orderDb < last.orderDb || now.bookDb < last.bookDb
}

async function readMarks({ orderDb, bookDb }: Sources): Promise<Cursors['marks']> {
  const books = bookDbOf(bookDb, bookDb)
  const [ofOrders, ofBooks] = await Promise.all([
    orderDb.query<{ at: Date }>('SELECT at FROM orders.marks WHERE name = $1', [name]),
    books.query<{ at: Date }>(`SELECT at FROM ${books.table('marks')} WHERE name = ?1`, [name]),
  ])
  const shown = ([row]: readonly { at: Date }[]) => row?.at.toISOString() ?? ''
  return { orderDb: shown(ofOrders), bookDb: shown(ofBooks) }
}
