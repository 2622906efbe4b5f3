import type { Database } from '#ports/database'
import type { BookList, bookSorts } from '../contract.ts'
import { readSearch, type Search } from '../search/search.ts'
import { type BookFilter, type BookQuery, bookFilter, Parameters } from './book-filters.ts'
import { type BookRow, bookColumns, toBook } from './book-row.ts'
import { decodeCursor, encodeCursor, type Place } from './cursor.ts'

type Sort = (typeof bookSorts)[number]

const limitDefault = 24
const facetValuesMax = 50

/**
 * One page of the books that match, with how many there are and what each facet would leave.
 * @throws Problem 400 for a cursor or filter that cannot be read
 */
export async function listBooks(database: Database, query: BookQuery, nowMs: number): Promise<BookList> {
  const search = await readSearch(database, query.q ?? '')
  const [{ items, next }, counts] = await Promise.all([
    pageOf(database, query, search, nowMs),
    countsOf(database, query, search),
  ])
  const { total, ...facets } = counts
  return { items, total, next, facets }
}

/** How one order is made: its keys, all in one direction, so that a page starts after a row of keys. */
type Order = { keys: readonly string[]; shape: readonly ('string' | 'number')[]; direction: 'asc' | 'desc' }

/** Negated, so that books that sold alike follow in ISBN order, as everywhere else. */
const mostSold: Order = { keys: ['-s.sold'], shape: ['number'], direction: 'asc' }

function orderOf(sort: Sort, search: Search, parameters: Parameters): Order {
  switch (sort) {
    case 'title':
      return { keys: ['b.title_folded'], shape: ['string'], direction: 'asc' }
    case 'price':
      return { keys: ['b.price_amount'], shape: ['number'], direction: 'asc' }
    case '-price':
      return { keys: ['b.price_amount'], shape: ['number'], direction: 'desc' }
    case '-publishedOn':
      return { keys: ['b.published_sort'], shape: ['number'], direction: 'desc' }
    case 'bestselling':
      return mostSold
    case 'relevance':
      if (search.kind !== 'words') return mostSold
      return {
        keys: [`-${scoreOf(search, parameters)}`, ...mostSold.keys],
        shape: ['number', 'number'],
        direction: 'asc',
      }
  }
}

/**
 * An exact title first, then titles that begin with the words, then titles that hold them in a row; within those, text
 * rank in coarse steps, so that what sells decides between books that fit about as well.
 */
function scoreOf(search: Search & { kind: 'words' }, parameters: Parameters): string {
  const phrase = `${parameters.add(search.phrase)}::text`
  const whole = `${parameters.add(search.whole)}::tsquery`
  const part = `${parameters.add(search.matching)}::tsquery`
  const weights = `'{0.1, 0.3, 0.9, 1.0}'`
  return `(case
    when b.title_folded = ${phrase} then 300
    when b.title_folded in ('the ' || ${phrase}, 'a ' || ${phrase}, 'an ' || ${phrase}) then 300
    when starts_with(b.title_folded, ${phrase} || ' ') then 200
    when starts_with(b.title_folded, 'the ' || ${phrase} || ' ') then 200
    when strpos(' ' || b.title_folded || ' ', ' ' || ${phrase} || ' ') > 0 then 100
    else 0 end
    + round(20 * ts_rank(${weights}, b.search, ${whole}, 1) + 10 * ts_rank(${weights}, b.search, ${part}, 1))::int)`
}

async function pageOf(database: Database, query: BookQuery, search: Search, nowMs: number) {
  const parameters = new Parameters()
  const limit = query.limit ?? limitDefault
  const sort = query.sort ?? 'relevance'
  const filter = bookFilter(query, search, parameters)
  const order = orderOf(sort, search, parameters)
  const shape = [...order.shape, 'string' as const]
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, sort, shape)
  const rows = await database.query<BookRow & { keys: (string | number)[] }>(
    pageSql(filter, order, after, limit, parameters),
    parameters.values,
  )
  const items = rows.slice(0, limit).map((row) => toBook(row, nowMs))
  const last = rows[limit - 1]
  const more = rows.length > limit && last !== undefined
  return { items, next: more ? encodeCursor(sort, [...last.keys, last.isbn]) : null }
}

/** The page's keys are found first and only its own books are then read whole. */
function pageSql(
  filter: BookFilter,
  order: Order,
  after: Place | undefined,
  limit: number,
  parameters: Parameters,
) {
  const names = [...order.keys.map((_, i) => `k${i}`), 'isbn']
  const sorted = (table: string) => names.map((name) => `${table}.${name} ${order.direction}`).join(', ')
  const beyond = () => {
    const place = (after ?? []).map((part, i) => parameters.add(part) + typeOf(order, i))
    return `where (${names.join(', ')}) ${order.direction === 'asc' ? '>' : '<'} (${place.join(', ')})`
  }
  return `
    with page as (
      select * from (
        select ${order.keys.map((key, i) => `${key} as k${i}`).join(', ')}, b.isbn
        from catalog.books b join catalog.stock s using (isbn)
        where ${filter.base} and ${filter.subject} and ${filter.format} and ${filter.language}
      ) found ${after === undefined ? '' : beyond()}
      order by ${sorted('found')} limit ${parameters.add(limit + 1)}
    )
    select ${bookColumns}, jsonb_build_array(${order.keys.map((_, i) => `page.k${i}`).join(', ')}) as keys
    from page join catalog.books b using (isbn) join catalog.stock s using (isbn)
    order by ${sorted('page')}`
}

const typeOf = (order: Order, index: number) => (order.shape[index] === 'number' ? '::bigint' : '::text')

type FacetValue = { value: string; count: number }
type Counts = { total: number; subject: FacetValue[]; format: FacetValue[]; language: FacetValue[] }

/** A facet counts with the other filters in force and without its own: what choosing each of its values would give. */
async function countsOf(database: Database, query: BookQuery, search: Search): Promise<Counts> {
  const parameters = new Parameters()
  const filter = bookFilter(query, search, parameters)
  const facet = (rows: string) =>
    `(select coalesce(jsonb_agg(jsonb_build_object('value', value, 'count', count) order by count desc, value), '[]')
      from (select value, count(*) from ${rows} group by value order by count desc, value limit ${facetValuesMax}) t)`
  const [row] = await database.query<Counts>(
    `with found as materialized (
       select b.subjects, b.format, b.language_primary as language,
         ${filter.subject} as in_subject, ${filter.format} as in_format, ${filter.language} as in_language
       from catalog.books b join catalog.stock s using (isbn) where ${filter.base}
     )
     select (select count(*) from found where in_subject and in_format and in_language) as total,
       ${facet('(select unnest(subjects) as value from found where in_format and in_language)')} as subject,
       ${facet('(select format as value from found where in_subject and in_language)')} as format,
       ${facet(`(select language as value from found
                 where in_subject and in_format and language is not null)`)} as language`,
    parameters.values,
  )
  return row ?? { total: 0, subject: [], format: [], language: [] }
}
