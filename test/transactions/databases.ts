import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '#config'
import { hashAsUuid } from '#kernel/hash'
import { systemClock } from '#ports/clock'
import { type Database, migrate, openDatabase } from '#ports/database'
import { type OrderStatus, packGroup, type Settlement } from '#services/orders'
import {
  createStockParticipant,
  type StockParticipant,
} from '../../src/services/catalog/stock/participant.ts'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import type { StockStore } from '../../src/services/catalog/store/stock-store.ts'
import { createGroupEngine, type GroupEngine } from '../../src/services/coordinator/engine.ts'
import type { GroupParts } from '../../src/services/coordinator/group.ts'
import type { Draft, Wish } from '../../src/services/coordinator/member.ts'
import type { OrdersAgent } from '../../src/services/coordinator/orders-agent.ts'
import { commitGroup } from '../../src/services/orders/commit-group.ts'
import { createDecisionLog } from '../../src/services/orders/decisions.ts'
import { lookUp } from '../../src/services/orders/look-up-orders.ts'
import { migrationsFolder } from '../../src/services/orders/migrations.ts'
import { addPlainBook, openBookDb, testBookDb } from '../support/book-db.ts'
import { type TestScope, testDatabase } from '../support/database.ts'

/** BookDb and OrderDb as the services make them, with the participant, the last agent and engines over them. */
export type Databases = {
  books: Database
  orders: Database
  store: StockStore
  stock: StockParticipant
  agent: OrdersAgent
  /** Another coordinator; parts may be replaced. */
  engine(parts?: Partial<Pick<GroupParts, 'stock' | 'orders' | 'clock'>>): GroupEngine
  stockOf(isbn: string): Promise<{ copies: number; held: number; sold: number }>
  statuses(): Promise<OrderStatus[]>
}

export async function openDatabases(t: TestScope): Promise<Databases> {
  const { url: ordersUrl } = await testDatabase(t, 'orders', 'orders')
  const orders = await openDatabase(ordersUrl, { applicationName: 'test-orders', connectionsMax: 6 })
  t.after(() => orders[Symbol.asyncDispose]())
  await migrate(orders, migrationsFolder, 'orders')
  const { url: booksUrl } = await testBookDb(t, 'books')
  const books = await openBookDb(booksUrl)
  t.after(() => books[Symbol.asyncDispose]())
  const catalog = await openStore(booksUrl, { applicationName: 'test-books' })
  t.after(() => catalog[Symbol.asyncDispose]())
  await catalog.migrate()
  const store = catalog.stock
  const stock = createStockParticipant(store, systemClock)
  const context = {
    database: orders,
    clock: systemClock,
    config: readConfig({}),
    objects: { presign: () => '/' },
  } as unknown as Parameters<typeof lookUp>[0]
  const agent: OrdersAgent = {
    commitGroup: (id, group) => commitGroup(orders, id, packGroup(group)),
    lookUp: (request) => lookUp(context, request),
    resolve: (id) => createDecisionLog(orders).resolve(id),
  }
  return {
    ...{ books, orders, store, stock, agent },
    engine: (parts = {}) =>
      createGroupEngine({ stock, orders: agent, clock: systemClock, holdMs: 60_000, ...parts }),
    async stockOf(isbn) {
      // Callers are answered before what was prepared is committed.
      while ((await stock.inDoubt()).length > 0) await sleep(5)
      const [row] = await books.query<{ copies: number; held: number; sold: number }>(
        'SELECT copies, held, sold FROM catalog.stock WHERE isbn = $1',
        [isbn],
      )
      return row as NonNullable<typeof row>
    },
    async statuses() {
      const rows = await orders.query<{ status: OrderStatus }>(
        'SELECT status FROM orders.orders ORDER BY id',
        [],
      )
      return rows.map((row) => row.status)
    },
  }
}

export type NewTitle = { copies: number; perCustomer?: number; price?: number }

/** @returns the title's ISBN */
export async function addTitle({ books }: Databases, i: number, title: NewTitle): Promise<string> {
  const isbn = `97800000000${String(i).padStart(2, '0')}`
  await addPlainBook(books, { isbn, title: `Title ${i}`, price: 1_000, ...title })
  return isbn
}

type PlaceOptions = { quantity?: number; email?: string; id?: string; body?: string }

/** A wish to order; the same `key` is the same Idempotency-Key, the same `body` the same body. */
export function place(key: string, isbns: string | readonly string[], options: PlaceOptions = {}): Wish {
  const { quantity = 1, email = `${key}@example.org`, id = systemClock.uuid(), body = 'body' } = options
  const draft: Draft = {
    id,
    keyHash: hashAsUuid(key),
    bodyHash: hashAsUuid(body),
    tokenHash: hashAsUuid(`token ${key}`),
    customer: { name: 'Ada', email },
    lines: (typeof isbns === 'string' ? [isbns] : isbns).map((isbn) => ({ isbn, quantity })),
  }
  return { kind: 'place', draft }
}

export function settle(orderId: string, isbn: string, settlement: Partial<Settlement> = {}): Wish {
  const lines = [{ isbn, quantity: 1 }]
  return {
    kind: 'settle',
    settlement: { orderId, movement: 'release', to: 'cancelled', sagaId: null, lines, ...settlement },
  }
}
