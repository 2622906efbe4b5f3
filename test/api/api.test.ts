import { after, before, describe } from 'node:test'
import { bookListSuite } from './book-list.ts'
import { bookSuite } from './books.ts'
import { deadLetterSuite } from './dead-letters.ts'
import { documentedSuite } from './documented.ts'
import { dropSuite } from './drop.ts'
import { erasureSuite } from './erasure.ts'
import { everydaySuite } from './everyday.ts'
import { fuzzSuite } from './fuzz.ts'
import { httpSuite } from './http.ts'
import { importSuite } from './imports.ts'
import { oldOrderSuite } from './old-orders.ts'
import { openShop } from './open-shop.ts'
import { orderInputSuite } from './order-input.ts'
import { orderLifeSuite } from './order-life.ts'
import { orderSuite } from './orders.ts'
import { reportSuite } from './reports.ts'
import { secondFactorSuite } from './second-factor.ts'
import type { Shop } from './shop.ts'
import { staffSuite } from './staff.ts'
import { voucherSuite } from './vouchers.ts'

// The public HTTP contract, spoken to a whole store from outside. One store serves all suites, so that they take
// seconds; each test works on books and orders of its own.
const suites: Record<string, (shop: () => Shop) => void> = {
  http: httpSuite,
  books: bookSuite,
  'lists of books': bookListSuite,
  orders: orderSuite,
  'what orders hold': orderInputSuite,
  'what becomes of orders': orderLifeSuite,
  'old orders': oldOrderSuite,
  'every day': everydaySuite,
  vouchers: voucherSuite,
  staff: staffSuite,
  'second factors': secondFactorSuite,
  imports: importSuite,
  reports: reportSuite,
  erasures: erasureSuite,
  'dead letters': deadLetterSuite,
  'random requests': fuzzSuite,
  'a drop': dropSuite,
  'what is documented': documentedSuite,
}

const endings: (() => unknown)[] = []
let running: Shop
before(async () => {
  running = await openShop({ after: (work) => endings.push(work) })
})
after(async () => {
  for (const end of endings) await end()
})

for (const [name, suite] of Object.entries(suites)) describe(name, () => suite(() => running))
