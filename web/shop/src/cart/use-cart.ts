import { computed, ref } from 'vue'
import type { Book } from '#services/gateway'
import { readStored, writeStored } from '../stored.ts'
import {
  type AddResult,
  addToCart,
  type Cart,
  countCopies,
  parseCart,
  refreshLine,
  setQuantity,
} from './cart.ts'

const storageKey = 'octavo-cart'

const cart = ref<Cart>(parseCart(readStored(storageKey)))
const count = computed(() => countCopies(cart.value))

// Another tab changed the cart.
addEventListener('storage', (event) => {
  if (event.key === storageKey || event.key === null) cart.value = parseCart(readStored(storageKey))
})

/** The reader's cart, kept in this browser and shared by its tabs. */
export function useCart() {
  return {
    cart,
    count,
    add(book: Book, quantity: number): AddResult {
      const result = addToCart(cart.value, book, quantity)
      if (result.kind === 'added') keep(result.cart)
      return result
    },
    setQuantity: (isbn: string, quantity: number) => keep(setQuantity(cart.value, isbn, quantity)),
    remove: (isbn: string) => keep(setQuantity(cart.value, isbn, 0)),
    refresh: (book: Book) => keep(refreshLine(cart.value, book)),
    /** Takes out what has been ordered; what was added meanwhile stays. */
    removeOrdered: (isbns: readonly string[]) =>
      keep(cart.value.filter((line) => !isbns.includes(line.isbn))),
  }
}

function keep(next: Cart): void {
  cart.value = next
  writeStored(storageKey, JSON.stringify(next))
}
