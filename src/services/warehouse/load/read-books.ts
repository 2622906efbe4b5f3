import type { Cursors } from '../store/manifest.ts'
import type { BookDb } from './book-db.ts'
import type { Cut } from './cut.ts'
import type { Staging } from './staging.ts'

const pageMax = 2_000
/** Longer than a transaction that writes books can last: what it wrote bears the time of its beginning. */
const overlapMs = 5 * 60_000

export const bookColumns = [
  ...[
    'isbn',
    'version',
    'title',
    'subtitle',
    'contributors',
    'publisher',
    'published_on',
    'language',
    'format',
  ],
  ...['subjects', 'price_amount', 'price_currency', 'limited', 'per_customer', 'sales_open_at'],
  ...['created_at', 'updated_at'],
]

/** Reads books that have changed since the last cut, or all of them. @returns their ISBNs */
export async function readBooks(
  { books }: Cut,
  since: Cursors['books'] | undefined,
  staging: Staging,
): Promise<Set<string>> {
  const found = new Set<string>()
  const changed = since === undefined ? '' : 'updated_at >= ?3 AND'
  for (let after = ''; ; ) {
    const params = [after, pageMax, ...(since === undefined ? [] : [new Date(since.atMs - overlapMs)])]
    const rows = await books.query<BookRow>(
      `SELECT ${bookColumns.join()} FROM ${books.table('books')}
        WHERE ${changed} isbn > ?1 ORDER BY isbn LIMIT ?2`,
      params,
    )
    for (const row of rows) {
      stageBook(row, staging)
      found.add(row.isbn)
    }
    await staging.relieve()
    if (rows.length < pageMax) break
    after = rows.at(-1)?.isbn ?? after
  }
  await readImports(books, staging)
  return found
}

type BookRow = {
  isbn: string
  version: number
  contributors: unknown
  subjects: unknown
  limited: unknown
  created_at: Date
}

function stageBook(row: BookRow, staging: Staging): void {
  const { contributors, subjects, limited } = row
  const book = {
    ...row,
    contributors: typeof contributors === 'string' ? contributors : JSON.stringify(contributors),
    subjects: typeof subjects === 'string' ? JSON.parse(subjects) : subjects,
    limited: Boolean(limited),
  }
  staging.add('books', book)
  // One that was deleted and made again begins with its first version once more.
  staging.add('book_history', { key: `${row.isbn} ${row.created_at.getTime()} ${row.version}`, ...book })
}

const importsMax = 1_000

async function readImports(books: BookDb, staging: Staging): Promise<void> {
  const rows = await books.query<{ dry_run: unknown }>(
    `SELECT id, status, i.read, created, updated, unchanged, rejected, file, dry_run, started_at, finished_at
       FROM ${books.table('imports')} i ORDER BY started_at DESC LIMIT ${importsMax}`,
    [],
  )
  for (const row of rows) staging.add('imports', { ...row, dry_run: Boolean(row.dry_run) })
}

/** ISBNs of books that are there no more. Asked for only when the numbers differ. */
export async function goneBooks(
  { books }: Cut,
  known: { count(): Promise<number>; isbns(): Promise<Set<string>> },
): Promise<string[]> {
  const [count] = await books.query<{ n: number }>(`SELECT count(*) AS n FROM ${books.table('books')}`, [])
  if (Number(count?.n) === (await known.count())) return []
  const isbns = await known.isbns()
  for (let after = ''; ; ) {
    const rows = await books.query<{ isbn: string }>(
      `SELECT isbn FROM ${books.table('books')} WHERE isbn > ?1 ORDER BY isbn LIMIT 10000`,
      [after],
    )
    for (const { isbn } of rows) isbns.delete(isbn)
    if (rows.length === 0) return [...isbns]
    after = rows.at(-1)?.isbn ?? after
  }
}
