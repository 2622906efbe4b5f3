import { type StockHarness, testStockStore } from '../suite/stock-suite.ts'
import { suiteLockTimeoutMs } from '../suite/suite-moves.ts'
import { createMemoryStock } from './stock.ts'

testStockStore('memory', async (): Promise<StockHarness> => {
  const server = createMemoryStock({
    nowMs: Date.now,
    after: (ms, work) => void setTimeout(work, ms).unref(),
    lockTimeoutMs: suiteLockTimeoutMs,
  })
  return {
    store: server.connect(),
    other: server.connect(),
    addTitle: async (isbn, copies) =>
      server.addTitle({
        ...{ isbn, title: 'Title', copies, held: 0, sold: 0, limited: false, salesOpenAt: null },
        ...{ priceAmount: 500, priceCurrency: 'EUR', perCustomer: null },
      }),
    changePrice: async (isbn, amount) => server.editTitle(isbn, { priceAmount: amount }),
    removeTitle: async (isbn) => server.editTitle(isbn, undefined),
    async stockOf(isbn) {
      const title = server.stock.get(isbn)
      return title && { copies: title.copies, held: title.held, sold: title.sold }
    },
    async notedOf(isbn) {
      const sum = { copies: 0, held: 0, sold: 0 }
      for (const each of server.ledger)
        if (each.isbn === isbn)
          for (const what of ['copies', 'held', 'sold'] as const) sum[what] += each[what]
      return sum
    },
    news: async () => server.news.splice(0),
  }
})
