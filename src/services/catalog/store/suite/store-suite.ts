import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBroker } from '#ports/broker'
import { systemClock as clock } from '#ports/clock'
import { type StockChanged, stockChangedTopic } from '#services/catalog'
import { completed } from '../../books/book-fields.ts'
import { entryOf } from '../../search/book-keys.ts'
import type { CatalogStore } from '../catalog-store.ts'
import { testBookStore } from './book-suite.ts'
import { testBookLists, testManySubjects } from './list-suite.ts'
import { testBookNews } from './news-suite.ts'
import { type StockHarness, type TestScope, testStockStore } from './stock-suite.ts'
import { suiteLockTimeoutMs } from './suite-moves.ts'
import { testTradeStore } from './trade-suite.ts'

/**
 * What every store for books has to do, tried through its own interface alone.
 * @param fresh gives a database of the test's own, with the tables in it already where the server can copy them, and opens
 *   a store on it each time it is asked to, waiting for locks as long as it is told
 */
export function testCatalogStore(
  name: string,
  fresh: (t: TestScope, laid?: 'books') => Promise<{ open(lockTimeoutMs: number): Promise<CatalogStore> }>,
): void {
  const openedOn = async (t: TestScope, laid?: 'books') => {
    const { open } = await fresh(t, laid)
    const stores = [await open(suiteLockTimeoutMs), await open(suiteLockTimeoutMs)] as const
    for (const store of stores) t.after(() => store[Symbol.asyncDispose]())
    // Processes that start together all do it.
    await Promise.all(stores.map((store) => store.migrate()))
    return stores
  }
  const opened = (t: TestScope) => openedOn(t, 'books')
  test(`${name}: processes that start together all bring an empty database up to date`, async (t) => {
    const [store, another] = await openedOn(t)
    assert.equal(await store.books.find('9780000000002'), undefined)
    assert.equal(await another.isReady(), true)
  })
  testStockStore(name, async (t) => harnessOf(t, await opened(t)))
  testBookStore(name, opened)
  testBookLists(name, opened)
  testManySubjects(name, opened)
  testTradeStore(name, opened)
  testBookNews(name, opened)
}

async function harnessOf(
  t: TestScope,
  [store, another]: readonly [CatalogStore, CatalogStore],
): Promise<StockHarness> {
  const broker = await openBroker('memory:', { applicationName: 'suite' })
  t.after(() => broker[Symbol.asyncDispose]())
  const { books } = store
  /** Copies that a title began with, which the ledger has as well. */
  const begun = new Map<string, number>()
  return {
    store: store.stock,
    other: another.stock,
    async addTitle(isbn, copies) {
      begun.set(isbn, copies)
      const fields = completed({ title: 'Title', price: { amount: 500, currency: 'EUR' } })
      await books.change((changes) => changes.add([{ ...entryOf(isbn, fields), copies, reason: null }]))
    },
    async changePrice(isbn, amount) {
      const fields = completed({ title: 'Title', price: { amount, currency: 'EUR' } })
      await books.change(async (changes) => {
        await changes.lock([isbn])
        await changes.replace([entryOf(isbn, fields)])
      })
    },
    async removeTitle(isbn) {
      await books.change(async (changes) => {
        const book = await changes.lockWithStock(isbn)
        if (book !== undefined) await changes.remove(book)
      })
    },
    async stockOf(isbn) {
      const book = await books.find(isbn)
      return book && { copies: book.copies, held: book.held, sold: book.sold }
    },
    async notedOf(isbn) {
      const book = await books.find(isbn)
      const { found } = await store.audit.unbalanced()
      const wrong = found.find((title) => title.isbn === isbn)
      // Where nothing is wrong the ledger is what the stock is.
      const noted = wrong?.ledger ?? {
        copies: book?.copies ?? 0,
        held: book?.held ?? 0,
        sold: book?.sold ?? 0,
      }
      return { ...noted, copies: noted.copies - (begun.get(isbn) ?? 0) }
    },
    async news() {
      const heard: StockChanged[] = []
      const publish = broker.publish.bind(broker)
      const recording = {
        ...broker,
        async publish(messages: Parameters<typeof broker.publish>[0]) {
          const ofStock = messages.filter(({ topic }) => topic === stockChangedTopic)
          heard.push(...ofStock.map(({ payload }) => payload as StockChanged))
          await publish(messages)
        },
      }
      const carrier = store.carryNews(recording, clock)
      carrier.ring()
      while ((await store.audit.newsWaiting(-60_000)).length > 0) await clock.sleep(20)
      await carrier[Symbol.asyncDispose]()
      return heard
    },
  }
}
