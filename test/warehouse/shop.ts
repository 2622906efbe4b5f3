import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readConfig } from '#config'
import { hashAsUuid } from '#kernel/hash'
import { Problem } from '#kernel/problem'
import { systemClock } from '#ports/clock'
import { type Database, migrate, openDatabase } from '#ports/database'
import { type ObjectStore, openObjectStore } from '#ports/object-store'
import { packGroup } from '#services/orders'
import { completed } from '../../src/services/catalog/books/book-fields.ts'
import { entryOf } from '../../src/services/catalog/search/book-keys.ts'
import { type Person, phrasesOf } from '../../src/services/catalog/search/phrases-of-person.ts'
import { createStockParticipant } from '../../src/services/catalog/stock/participant.ts'
import type { CatalogStore } from '../../src/services/catalog/store/catalog-store.ts'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import { createGroupEngine, type GroupEngine } from '../../src/services/coordinator/engine.ts'
import type { Wish, WishOutcome } from '../../src/services/coordinator/member.ts'
import { commitGroup } from '../../src/services/orders/commit-group.ts'
import { createDecisionLog } from '../../src/services/orders/decisions.ts'
import { lookUp } from '../../src/services/orders/look-up-orders.ts'
import { noteChanges } from '../../src/services/orders/note-changes.ts'
import type { Loading } from '../../src/services/warehouse/load/loading.ts'
import { type Duck, openDuck } from '../../src/services/warehouse/store/duck.ts'
import { currentCut } from '../../src/services/warehouse/store/local-cut.ts'
import { createViews } from '../../src/services/warehouse/store/views.ts'
import { testBookDb } from '../support/book-db.ts'
import { type TestScope, testDatabase } from '../support/database.ts'

/** Both databases with everything that sells, in one process, and where their warehouse is to be. */
export type Shop = {
  urls: { bookDb: string; orderDb: string; objects: string }
  root: string
  books: CatalogStore
  orders: Database
  engine: GroupEngine
  isbns: string[]
  loading: Loading
  /** Asks the warehouse as it is published on this machine. */
  ask<Row>(sql: string): Promise<Row[]>
}

export const shopSecret = 'a secret for tests'

export async function openShop(
  t: TestScope,
  {
    titles = 20,
    copies = 1_000,
    bookDb = testBookDb,
  }: { titles?: number; copies?: number; bookDb?: typeof testBookDb } = {},
): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-warehouse-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const urls = {
    bookDb: (await bookDb(t, 'warehouse_books')).url,
    orderDb: (await testDatabase(t, 'warehouse_orders', 'orders')).url,
    objects: pathToFileURL(join(folder, 'objects')).href,
  }
  const books = await openStore(urls.bookDb, { applicationName: 'shop', connectionsMax: 6 })
  t.after(() => books[Symbol.asyncDispose]())
  await books.migrate()
  const orders = await openDatabase(urls.orderDb, { applicationName: 'shop', connectionsMax: 6 })
  t.after(() => orders[Symbol.asyncDispose]())
  await migrate(orders, new URL('../../src/services/orders/migrations/', import.meta.url), 'orders')
  const bookDatabase = await openDatabase(urls.bookDb, { applicationName: 'warehouse' })
  t.after(() => bookDatabase[Symbol.asyncDispose]())
  const objects: ObjectStore = await openObjectStore(urls.objects, { secret: shopSecret })
  const isbns = await addTitles(books, titles, copies)
  const root = join(folder, 'warehouse')
  return {
    ...{ urls, root, books, orders, isbns },
    engine: engineOf(books, orders),
    loading: { orderDb: orders, bookDb: bookDatabase, objects, secret: shopSecret, root },
    ask: (sql) => askWarehouse(root, sql),
  }
}

async function addTitles(books: CatalogStore, titles: number, copies: number): Promise<string[]> {
  const isbns = Array.from({ length: titles }, (_, i) => `97800000${String(i).padStart(5, '0')}`)
  await books.books.change((changes) =>
    changes.add(
      isbns.map((isbn, i) => {
        const price = { amount: i % 5 === 0 ? 0 : 1_000 + i, currency: 'EUR' }
        return {
          ...entryOf(isbn, completed({ title: `Title ${i}`, price, subjects: [`Subject ${i % 3}`] })),
          copies,
          reason: null,
        }
      }),
    ),
  )
  return isbns
}

function engineOf(books: CatalogStore, orders: Database): GroupEngine {
  const context = {
    database: orders,
    clock: systemClock,
    config: readConfig({}),
    objects: { presign: () => '/' },
  }
  return createGroupEngine({
    stock: createStockParticipant(books.stock, systemClock),
    orders: {
      commitGroup: (id, group) => commitGroup(orders, id, packGroup(group)),
      lookUp: (request) => lookUp(context as unknown as Parameters<typeof lookUp>[0], request),
      resolve: (id) => createDecisionLog(orders).resolve(id),
    },
    clock: systemClock,
    holdMs: 60_000,
  })
}

/** What erasing a customer needs. */
export const erasing = ({ orders, books, loading: { objects } }: Shop) => ({
  ...{ database: orders, objects, clock: systemClock, secret: shopSecret },
  forgetSearches: async (person: Person) => {
    await books.misses.erase(phrasesOf(person))
    return await books.misses.count(phrasesOf(person))
  },
})

export async function askWarehouse<Row>(root: string, sql: string): Promise<Row[]> {
  const cut = await currentCut(root)
  if (cut === undefined) throw new Error('there is no warehouse yet')
  const folder = await mkdtemp(join(tmpdir(), 'octavo-duck-'))
  try {
    await using duck: Duck = await openDuck({ folder })
    await createViews(duck, cut.manifest, cut.folder)
    return await duck.rows<Row>(sql)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** An order of one copy. @returns its id, or nothing when there was none left */
export async function buy(
  shop: Shop,
  key: string,
  isbn: string,
  email = `${key}@example.org`,
): Promise<string | undefined> {
  const outcome = await insist(shop, {
    kind: 'place',
    draft: {
      id: systemClock.uuid(),
      ...{ keyHash: hashAsUuid(key), bodyHash: hashAsUuid('body'), tokenHash: hashAsUuid(`token ${key}`) },
      customer: { name: 'Ada Byron', email },
      lines: [{ isbn, quantity: 1 }],
    },
  })
  return outcome.kind === 'placed' || outcome.kind === 'replayed' ? outcome.order.id : undefined
}

const triesMax = 20

/** A shop that is too busy, or away for a moment, is asked again, as readers and sagas do. */
async function insist({ engine }: Shop, wish: Wish): Promise<WishOutcome> {
  for (let tries = 1; ; tries++)
    try {
      return await engine.submit(wish)
    } catch (error) {
      const isForNow = error instanceof Problem && [429, 503].includes(error.status)
      if (!isForNow || tries === triesMax) throw error
      await systemClock.sleep(100)
    }
}

/** Gives the copy of an unpaid order back. */
export async function cancel(shop: Shop, orderId: string, isbn: string): Promise<void> {
  const lines = [{ isbn, quantity: 1 }]
  await insist(shop, {
    kind: 'settle',
    settlement: { orderId, movement: 'release', to: 'cancelled', sagaId: null, lines },
  })
}

/** Pays for an order as its saga does: capture, voucher, then held copies become sold. */
export async function confirm(shop: Shop, orderId: string, isbn: string): Promise<void> {
  const sagaId = systemClock.uuid()
  await shop.orders.transaction(async (tx) => {
    await tx.execute(
      `UPDATE orders.orders SET saga_id = $2::uuid, status = 'paid', payment = '{"status": "captured"}', payment_key = $2::uuid::text,
              version = version + 1 WHERE id = $1`,
      [orderId, sagaId],
    )
    await tx.execute(
      `INSERT INTO orders.vouchers (code, order_id, number, isbn, title) VALUES ($1, $2, 1, $3, 'Title')`,
      [sagaId, orderId, isbn],
    )
    await noteChanges(tx, [orderId])
  })
  const lines = [{ isbn, quantity: 1 }]
  await insist(shop, {
    kind: 'settle',
    settlement: { orderId, movement: 'confirm', to: 'confirmed', sagaId, lines },
  })
}

/**
 * Readers who buy, pay, and change their minds, until told to stop.
 * @param pauseMs between what one reader does, so that what runs beside them gets on
 * @returns how many orders were placed
 */
export async function traffic(
  shop: Shop,
  name: string,
  stop: AbortSignal,
  readers = 8,
  pauseMs = 0,
): Promise<number> {
  let placed = 0
  const reader = async (who: number) => {
    for (let i = 0; !stop.aborted; i++) {
      if (pauseMs > 0) await systemClock.sleep(pauseMs)
      const isbn = shop.isbns[(who * 7 + i) % shop.isbns.length] as string
      const id = await buy(shop, `${name}-${who}-${i}`, isbn)
      if (id === undefined) continue
      placed++
      // Orders that cost nothing have a saga of their own from the beginning.
      const isFree = shop.isbns.indexOf(isbn) % 5 === 0
      if (!isFree && i % 3 === 0) await confirm(shop, id, isbn)
      if (!isFree && i % 3 === 1) await cancel(shop, id, isbn)
    }
  }
  await Promise.all(Array.from({ length: readers }, (_, who) => reader(who)))
  return placed
}
