import { useQueries } from '@tanstack/vue-query'
import { computed, watch } from 'vue'
import type { Book } from '#services/gateway'
import { bookKey, getBook } from '../api/books.ts'
import { ApiProblem } from '../api/problem.ts'
import { type CartLine, lineLimit } from './cart.ts'
import { type LineState, lineState } from './line-state.ts'
import { useCart } from './use-cart.ts'

const askEveryMs = 15_000

export type LiveLine = CartLine & {
  state: LineState
  most: number
  priceBefore: CartLine['price'] | undefined
}

/** The cart's lines with what the shop says of them now. Prices follow the shop; what they were before is kept to tell. */
export function useCartBooks() {
  const { cart, refresh } = useCart()
  const pricesAtOpening = new Map(cart.value.map((line) => [line.isbn, line.price]))

  const answers = useQueries({
    queries: computed(() =>
      cart.value.map((line) => ({
        queryKey: bookKey(line.isbn),
        queryFn: ({ signal }: { signal: AbortSignal }) => getBook(line.isbn, signal),
        refetchInterval: askEveryMs,
        staleTime: 0,
      })),
    ),
  })

  const books = computed(() => {
    const byIsbn = new Map<string, Book | 'missing'>()
    for (const [index, line] of cart.value.entries()) {
      const answer = answers.value[index]
      const isMissing = answer?.error instanceof ApiProblem && answer.error.status === 404
      if (isMissing) byIsbn.set(line.isbn, 'missing')
      else if (answer?.data) byIsbn.set(line.isbn, answer.data)
    }
    return byIsbn
  })

  watch(books, (byIsbn) => {
    for (const line of cart.value) {
      const book = byIsbn.get(line.isbn)
      if (book && book !== 'missing' && isOutdated(line, book)) refresh(book)
    }
  })

  return computed<LiveLine[]>(() =>
    cart.value.map((line) => {
      const book = books.value.get(line.isbn)
      const available = book && book !== 'missing' ? book.availability.available : Number.POSITIVE_INFINITY
      const before = pricesAtOpening.get(line.isbn)
      return {
        ...line,
        state: lineState(line, book),
        most: Math.max(1, Math.min(lineLimit(line), available)),
        priceBefore: before && before.amount !== line.price.amount ? before : undefined,
      }
    }),
  )
}

const isOutdated = (line: CartLine, book: Book) =>
  (book.price !== null &&
    (line.price.amount !== book.price.amount || line.price.currency !== book.price.currency)) ||
  line.title !== book.title ||
  line.cover !== book.cover ||
  line.perCustomer !== book.perCustomer
