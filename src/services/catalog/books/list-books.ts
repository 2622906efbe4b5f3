import type { BookList, bookSorts } from '../contract.ts'
import { readSearch } from '../search/search.ts'
import type { Search } from '../search/word-search.ts'
import { type BookFilter, type BookOrder, type BookReader, orderKeys } from '../store/book-store.ts'
import { type BookQuery, filterOf } from './book-filters.ts'
import { toBook } from './book-row.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'

type Sort = (typeof bookSorts)[number]

const limitDefault = 24

/**
 * One page of the books that match, with how many there are and what each facet would leave.
 * @throws Problem 400 for a cursor or filter that cannot be read
 */
export async function listBooks(books: BookReader, query: BookQuery, nowMs: number): Promise<BookList> {
  const search = await readSearch(books, query.q ?? '')
  const filter = filterOf(query, search, nowMs)
  // How a page is found best depends on how many there are.
  const { total, totalIsLowerBound, ...facets } = await books.counts(filter)
  const { items, next } = await pageOf(books, query, filter, total, nowMs)
  return { items, total, totalIsLowerBound, next, facets }
}

async function pageOf(
  books: BookReader,
  query: BookQuery,
  filter: BookFilter,
  matches: number,
  nowMs: number,
) {
  const sort = query.sort ?? 'relevance'
  const order = orderOf(sort, filter.search)
  const after =
    query.cursor === undefined ? undefined : decodeCursor(query.cursor, sort, [...orderKeys[order], 'string'])
  const limit = query.limit ?? limitDefault
  const page = await books.page({ filter, order, limit, matches, ...(after !== undefined && { after }) })
  return {
    items: page.books.map((book) => toBook(book, nowMs)),
    next: page.last === null ? null : encodeCursor(sort, page.last),
  }
}

/** Without words, what sells is what is relevant. */
function orderOf(sort: Sort, search: Search): BookOrder {
  return sort === 'relevance' && search.kind !== 'words' ? 'bestselling' : sort
}
