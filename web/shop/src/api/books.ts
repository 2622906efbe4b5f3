import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import type { QueryOf } from '#kernel/contract'
import type { listBooks as listBooksRoute } from '#services/catalog'
import type { Availability, Book, BookList } from '#services/gateway'
import { call, segment } from './client.ts'
import { queryClient } from './query-client.ts'

export type BookQuery = QueryOf<typeof listBooksRoute>
export type BookSort = NonNullable<BookQuery['sort']>

/** Filters and order of a list, without its paging. */
export type BookFilter = Omit<BookQuery, 'limit' | 'cursor'>

export const pageSize = 24
const limitMax = 96

export const listBooks = (query: BookQuery, signal?: AbortSignal) =>
  call<BookList>('GET', '/api/books', { query, signal })
export const getBook = (isbn: string, signal?: AbortSignal) =>
  call<Book>('GET', `/api/books/${segment(isbn)}`, { signal })
export const getAvailability = (isbn: string) =>
  call<Availability>('GET', `/api/books/${segment(isbn)}/availability`)
export const availabilityEventsUrl = (isbn: string) => `/api/books/${segment(isbn)}/availability/events`

export const bookKey = (isbn: string) => ['book', isbn] as const

/**
 * A list of books that grows page by page. What was shown before stays until the new answer is there.
 * @param firstCount how many to ask for at first, for a reader who comes back to a long list
 */
export function useBookPages(filter: MaybeRefOrGetter<BookFilter>, firstCount: () => number) {
  return useInfiniteQuery({
    queryKey: computed(() => ['books', toValue(filter)] as const),
    queryFn: ({ pageParam, signal }) =>
      listBooks(
        {
          ...toValue(filter),
          cursor: pageParam ?? undefined,
          limit: pageParam ? pageSize : Math.min(firstCount(), limitMax),
        },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last: BookList) => last.next,
    placeholderData: keepPreviousData,
  })
}

/** A short list, as for a row of related titles. */
export function useBookRow(filter: MaybeRefOrGetter<BookQuery>, enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: computed(() => ['book-row', toValue(filter)] as const),
    queryFn: ({ signal }) => listBooks(toValue(filter), signal),
    enabled: () => toValue(enabled),
    staleTime: 60_000,
  })
}

/** Asks for a book that a reader is about to open, unless it is there already. */
export function prefetchBook(isbn: string): void {
  void queryClient.prefetchQuery({
    queryKey: bookKey(isbn),
    queryFn: ({ signal }) => getBook(isbn, signal),
    retry: false,
  })
}

export function useBook(isbn: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => bookKey(toValue(isbn))),
    queryFn: ({ signal }) => getBook(toValue(isbn), signal),
  })
}
