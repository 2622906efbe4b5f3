import { after, before, describe } from 'node:test'
import { bookListSuite } from './book-list.ts'
import { bookSuite } from './books.ts'
import { createClient } from './client.ts'
import { httpSuite } from './http.ts'
import { readOpenApi } from './open-api.ts'
import { orderSuite } from './orders.ts'
import { logIn, type Shop } from './shop.ts'
import { startStore } from './start-store.ts'

// The public HTTP contract, spoken to a whole store from outside. One store serves all suites, so that they take
// seconds; each test works on books and orders of its own.
const suites: Record<string, (shop: () => Shop) => void> = {
  http: httpSuite,
  books: bookSuite,
  'lists of books': bookListSuite,
  orders: orderSuite,
}

const endings: (() => unknown)[] = []
let running: Shop
before(async () => {
  const store = await startStore({ after: (work) => endings.push(work) })
  const client = createClient(store.url, await readOpenApi(store.url))
  running = { ...client, store, staff: await logIn(client, store.staff) }
})
after(async () => {
  for (const end of endings) await end()
})

for (const [name, suite] of Object.entries(suites)) describe(name, () => suite(() => running))
