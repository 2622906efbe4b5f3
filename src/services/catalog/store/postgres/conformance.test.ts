import { migrate, openDatabase } from '#ports/database'
import type { StockChanged } from '#services/catalog'
import { testDatabase } from '../../../../../test/support/database.ts'
import { type StockHarness, suiteLockTimeoutMs, testStockStore } from '../suite/stock-suite.ts'
import { migrationsFolder } from './open.ts'
import { createStockStore } from './stock.ts'

testStockStore('postgres', async (t): Promise<StockHarness> => {
  const { url } = await testDatabase(t, 'stock')
  const open = async () => {
    const options = { applicationName: 'test', lockTimeoutMs: suiteLockTimeoutMs, planOnce: true }
    const database = await openDatabase(url, options)
    t.after(() => database[Symbol.asyncDispose]())
    return database
  }
  const [database, another] = [await open(), await open()]
  await migrate(database, migrationsFolder, 'catalog')
  return {
    store: createStockStore(database),
    other: createStockStore(another),
    async addTitle(isbn, copies) {
      await database.execute(
        `INSERT INTO catalog.books (isbn, title, price_amount, price_currency) VALUES ($1, 'Title', 500, 'EUR')`,
        [isbn],
      )
      await database.execute('INSERT INTO catalog.stock (isbn, copies) VALUES ($1, $2)', [isbn, copies])
    },
    async changePrice(isbn, amount) {
      await database.execute(
        'UPDATE catalog.books SET price_amount = $2, version = version + 1 WHERE isbn = $1',
        [isbn, amount],
      )
    },
    async removeTitle(isbn) {
      await database.execute('DELETE FROM catalog.books WHERE isbn = $1', [isbn])
    },
    async stockOf(isbn) {
      const [row] = await database.query<{ copies: number; held: number; sold: number }>(
        'SELECT copies, held, sold FROM catalog.stock WHERE isbn = $1',
        [isbn],
      )
      return row
    },
    async notedOf(isbn) {
      const [row] = await database.query<{ copies: number; held: number; sold: number }>(
        `SELECT coalesce(sum(copies_delta), 0)::int AS copies, coalesce(sum(held_delta), 0)::int AS held,
                coalesce(sum(sold_delta), 0)::int AS sold
           FROM catalog.ledger WHERE isbn = $1`,
        [isbn],
      )
      return row ?? { copies: 0, held: 0, sold: 0 }
    },
    async news() {
      const rows = await database.query<{ payload: StockChanged }>(
        'SELECT payload FROM catalog.outbox ORDER BY id',
        [],
      )
      return rows.map(({ payload }) => payload)
    },
  }
})
