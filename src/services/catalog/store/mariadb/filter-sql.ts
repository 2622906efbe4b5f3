import type { Statements } from '#ports/database'
import type { BookFilter } from '../book-store.ts'
import { matches, matchingIsbns } from './matching-sql.ts'
import { both, type Sql } from './sql.ts'

/** So few books are sorted whole for each of their pages; of more than these some are soon met on the way along an index. */
export const fewMax = 5_000

/** Where the books of a list are looked for, over `books b` and, where it is asked for, `stock s`. */
export type Listed = { from: Sql; conditions: Sql }

/**
 * Finds the books by whatever of the filter leaves fewest.
 * @param limit so many are needed at most
 */
export async function listed(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
  { withStock, limit }: { withStock: boolean; limit: number },
): Promise<Listed> {
  const { search, available, ...others } = filter
  const from: Sql[] = []
  if (search.kind === 'words') {
    const matching = await matchingIsbns(database, search)
    const isAll =
      bothOf({ ...others, search: { kind: 'all' } }, 'by index').length === 0 && available === undefined
    from.push(isAll ? { ...matching, sql: `${matching.sql} LIMIT ${limit}` } : matching)
  }
  const few = available === false ? await fewThatCannotBeBought(database, filter) : undefined
  if (few !== undefined) from.push(few)
  const isNarrow = await isNarrowPrice(database, filter)
  const conditions = bothOf(
    few === undefined ? filter : { ...others, search },
    isNarrow ? 'by index' : 'but price',
  )
  // What was found is few beside the catalogue, which the server would rather read from end to end.
  const found = from.map(({ sql }, i) => `(${sql}) m${i} STRAIGHT_JOIN `).join('')
  const on = from.map((_, i) => `b.isbn = m${i}.isbn`).join(' AND ')
  const stock = withStock || available !== undefined ? ' JOIN stock s ON s.isbn = b.isbn' : ''
  return {
    from: {
      sql: `${found}books b${on === '' ? '' : ` ON ${on}`}${stock}`,
      params: from.flatMap(({ params }) => params),
    },
    conditions: both(conditions),
  }
}

/** What a book that was met on the way along some index has to be. */
export function conditionsOf(filter: BookFilter): Sql {
  const { search } = filter
  const words = search.kind === 'words' ? [matches(search, 'b.isbn')] : []
  return both([...bothOf(filter, 'one by one'), ...words])
}

/**
 * The conditions but for a search's words. The server may find books by subjects and categories; looked up `one by one`
 * they are scalars, by which it cannot. `but price`: nor by a price.
 */
function bothOf(filter: BookFilter, how: 'by index' | 'but price' | 'one by one'): Sql[] {
  const { search, subject, themaWord, format, language, limited, available, minPrice, maxPrice } = filter
  const all: Sql[] = []
  if (search?.kind === 'nothing') all.push({ sql: 'FALSE', params: [] })
  if (limited !== undefined) all.push({ sql: 'b.limited = ?', params: [limited ? 1 : 0] })
  if (available !== undefined)
    all.push({
      sql: `${available ? '' : 'NOT '}(s.gone = 0 AND b.price_amount IS NOT NULL
              AND (b.sales_open_at IS NULL OR b.sales_open_at + INTERVAL 0 SECOND <= ?))`,
      params: [new Date(filter.nowMs)],
    })
  const price = how === 'but price' ? 'b.price_amount' : 'b.price_amount IS NOT NULL AND b.price_up'
  if (minPrice !== undefined) all.push({ sql: `${price} >= ?`, params: [minPrice] })
  if (maxPrice !== undefined) all.push({ sql: `${price} <= ?`, params: [maxPrice] })
  const has = (table: string, condition: string, param: string): Sql => ({
    sql:
      how !== 'one by one'
        ? `EXISTS (SELECT 1 FROM ${table} x WHERE ${condition} AND x.isbn = b.isbn)`
        : `(SELECT 1 FROM ${table} x WHERE ${condition} AND x.isbn = b.isbn LIMIT 1) IS NOT NULL`,
    params: [param],
  })
  if (subject !== undefined) all.push(has('book_subjects', 'x.subject = ?', subject))
  if (themaWord !== undefined) all.push(has('book_words', 'x.word LIKE ?', `${themaWord}%`))
  if (format !== undefined) all.push({ sql: 'b.format = ?', params: [format] })
  if (language !== undefined)
    all.push({
      sql: '(b.language_folded = ? OR b.language_folded LIKE ?)',
      params: [language.toLowerCase(), `${language.toLowerCase().replace(/[\\%_]/g, '\\$&')}-%`],
    })
  return all
}

/**
 * The ISBNs of books that cannot be bought, each reason by its own index, where together they are few: more of them are
 * soon met among all.
 */
async function fewThatCannotBeBought(
  database: Pick<Statements, 'query'>,
  { nowMs }: BookFilter,
): Promise<Sql | undefined> {
  const reasons = [
    { sql: 'SELECT isbn FROM stock WHERE gone = 1', params: [] },
    {
      sql: `SELECT isbn FROM books WHERE price_up = ${Number.MAX_SAFE_INTEGER} AND price_amount IS NULL`,
      params: [],
    },
    { sql: 'SELECT isbn FROM books WHERE sales_open_at > ?', params: [new Date(nowMs)] },
  ]
  if (!(await areFew(database, reasons))) return undefined
  return {
    sql: reasons.map(({ sql }) => sql).join(' UNION '),
    params: reasons.flatMap(({ params }) => params),
  }
}

/** By a wide one books are found at places all over the table, while reading it from its beginning finds as many. */
async function isNarrowPrice(
  database: Pick<Statements, 'query'>,
  { minPrice, maxPrice }: BookFilter,
): Promise<boolean> {
  if (minPrice === undefined && maxPrice === undefined) return true
  return await areFew(database, [
    {
      sql: 'SELECT 1 FROM books WHERE price_up >= ? AND price_up <= ?',
      params: [minPrice ?? 0, maxPrice ?? Number.MAX_SAFE_INTEGER],
    },
  ])
}

async function areFew(database: Pick<Statements, 'query'>, each: readonly Sql[]): Promise<boolean> {
  const bounded = each.map(({ sql }) => `(${sql} LIMIT ${fewMax + 1})`).join(' UNION ALL ')
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*) AS n FROM (${bounded}) some`,
    each.flatMap(({ params }) => params),
  )
  return (row?.n ?? 0) <= fewMax
}
