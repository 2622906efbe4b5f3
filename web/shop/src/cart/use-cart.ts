import { computed } from 'vue'
import type { Book } from '#services/gateway'
import { openStored } from '../stored.ts'
import { type AddResult, addToCart, countCopies, parseCart, refreshLine, setQuantity } from './cart.ts'

const { value: cart, read, write } = openStored('octavo-cart', parseCart)
const count = computed(() => countCopies(cart.value))

/** The reader's cart, kept in this browser and shared by its tabs. */
export function useCart() {
  return {
    cart,
    count,
    add(book: Book, quantity: number): AddResult {
      const result = addToCart(read(), book, quantity)
      if (result.kind === 'added') write(result.cart)
      return result
    },
    setQuantity: (isbn: string, quantity: number) => write(setQuantity(read(), isbn, quantity)),
    remove: (isbn: string) => write(setQuantity(read(), isbn, 0)),
    refresh: (book: Book) => write(refreshLine(read(), book)),
    /** Takes out what has been ordered; what was added meanwhile stays. */
    removeOrdered: (isbns: readonly string[]) => write(read().filter((line) => !isbns.includes(line.isbn))),
  }
}
