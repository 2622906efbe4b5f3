import { Problem } from '#kernel/problem'
import type { Database } from '#ports/database'
import { noSuchBook } from './book-fields.ts'
import { checkIfMatch } from './entity-tag.ts'

/**
 * Removes a book that nobody has bought. Its ledger stays and ends with the copies going out, so that it adds up to
 * nothing.
 * @throws Problem 404, 409 when copies are held or sold, 412
 */
export async function deleteBook(
  database: Database,
  isbn: string,
  ifMatch: string | undefined,
): Promise<void> {
  await database.transaction(async (tx) => {
    const [row] = await tx.query<{ version: number; copies: number; held: number; sold: number }>(
      `select b.version, s.copies, s.held, s.sold from catalog.stock s join catalog.books b using (isbn)
       where s.isbn = $1 for update`,
      [isbn],
    )
    if (row === undefined) throw noSuchBook(isbn)
    checkIfMatch(ifMatch, row.version)
    if (row.held + row.sold > 0) throw inUse(row.held, row.sold)
    if (row.copies > 0)
      await tx.execute(
        `insert into catalog.ledger (isbn, movement, copies_delta, reason) values ($1, 'removed', $2, 'book removed')`,
        [isbn, -row.copies],
      )
    await tx.execute('delete from catalog.books where isbn = $1', [isbn])
  })
}

const inUse = (held: number, sold: number) =>
  new Problem(409, 'copies-in-use', `${held} copies are held and ${sold} sold: the book has to stay.`, {
    held,
    sold,
  })
