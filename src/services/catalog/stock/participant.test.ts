import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '#ports/clock'
import { type Database, DatabaseBusy } from '#ports/database'
import type { StockRequest } from '#services/catalog'
import { addPlainBook, openBookDb, testBookDb } from '../../../../test/support/book-db.ts'
import type { TestScope } from '../../../../test/support/database.ts'
import { openStore } from '../store/open-store.ts'
import type { StockStore } from '../store/stock-store.ts'
import { createStockParticipant, type StockParticipant } from './participant.ts'

const isbn = '9780000000002'
/** As many as the store has for those who prepare. */
const stockConnectionsMax = 4

test('the second group of a title is decided on without asking, and counts the same', async (t) => {
  const { store, asked, stock } = await openStock(t, 5)
  const catalog = createStockParticipant(store, clock)
  assert.deepEqual(await sell(catalog, 2), ['reserved', 'reserved'])
  assert.equal(asked(), 1)
  assert.deepEqual(await sell(catalog, 2), ['reserved', 'reserved'])
  assert.equal(asked(), 1)
  assert.deepEqual(await stock(), { copies: 5, held: 4, sold: 0, noted: 4 })
})

test('who is refused is refused for how the title stands now', async (t) => {
  const { store, asked, stock } = await openStock(t, 1)
  const [here, there] = [createStockParticipant(store, clock), createStockParticipant(store, clock)]
  await sell(here, 1)
  assert.deepEqual(await sell(here, 1), ['out-of-stock'])
  assert.equal(asked(), 2)
  await finish(there, [{ kind: 'set-copies', isbn, copies: 2, reason: null }])
  assert.deepEqual(await sell(here, 1), ['reserved'])
  assert.deepEqual(await stock(), { copies: 2, held: 2, sold: 0, noted: 2 })
})

test('two processes take turns at a title, and sell exactly what is there', async (t) => {
  const { store, stock } = await openStock(t, 12)
  const all = [createStockParticipant(store, clock), createStockParticipant(store, clock)]
  const sold: string[] = []
  // Each has seen the title, then finds it as the other left it; last the two come at once.
  for (const i of [0, 0, 1, 1, 0, 1]) sold.push(...(await sell(all[i] as StockParticipant, 1)))
  for (const kinds of await Promise.all(all.map((each) => sell(each, 4)))) sold.push(...kinds)
  assert.equal(sold.filter((kind) => kind === 'reserved').length, 12)
  assert.equal(sold.filter((kind) => kind === 'out-of-stock').length, 2)
  assert.deepEqual(await stock(), { copies: 12, held: 12, sold: 0, noted: 12 })
})

test('an aborted group leaves nothing behind that the next one would count on', async (t) => {
  const { store, stock } = await openStock(t, 5)
  const catalog = createStockParticipant(store, clock)
  await sell(catalog, 1)
  const id = clock.uuid()
  await catalog.prepare(id, reserve(3))
  await catalog.abort(id)
  assert.deepEqual(await sell(catalog, 1), ['reserved'])
  assert.deepEqual(await stock(), { copies: 5, held: 2, sold: 0, noted: 2 })
})

test('a price that was changed meanwhile is the one that is sold at', async (t) => {
  const { database, store } = await openStock(t, 5)
  const catalog = createStockParticipant(store, clock)
  await sell(catalog, 1)
  await changePrice(database, 900)
  assert.equal(await priceOf(catalog), 900)
})

test('a book that was deleted and made again is not taken for the old one', async (t) => {
  const { database, store } = await openStock(t, 5)
  const catalog = createStockParticipant(store, clock)
  await sell(catalog, 1)
  await database.execute('DELETE FROM catalog.books')
  await addPlainBook(database, { isbn, copies: 5, price: 900 })
  // As if somebody else had sold one of the new book: its stock is then like the old one's.
  await database.execute('UPDATE catalog.stock SET held = 1, version = 2')
  assert.equal(await priceOf(catalog), 900)
})

test('news of a group that waited for another is later than the news of that one', async (t) => {
  const { database, store } = await openStock(t, 5)
  const [first, second] = [createStockParticipant(store, clock), createStockParticipant(store, clock)]
  const id = clock.uuid()
  await first.prepare(id, reserve(1))
  const waiting = sell(second, 1)
  await clock.sleep(50)
  const committedAt = clock.now()
  await first.commit(id)
  assert.deepEqual(await waiting, ['reserved'])
  const [news] = await database.query<{ payload: unknown }>(
    'SELECT payload FROM catalog.outbox ORDER BY id DESC LIMIT 1',
  )
  const asOf = /"asOf": ?"([^"]+)"/.exec(JSON.stringify(news?.payload).replaceAll('\\', ''))?.[1] ?? ''
  assert.ok(Date.parse(asOf) >= committedAt, `${asOf} is before ${committedAt}`)
})

test('a group that waited longer than whoever sent it leaves nothing prepared', async (t) => {
  const { store } = await openStock(t, 5)
  let waitedMs = 0
  const slow = { ...clock, monotonicMs: () => clock.monotonicMs() + waitedMs }
  const [first, second] = [createStockParticipant(store, clock), createStockParticipant(store, slow)]
  const id = clock.uuid()
  await first.prepare(id, reserve(1))
  const waiting = assert.rejects(second.prepare(clock.uuid(), reserve(1)), DatabaseBusy)
  waitedMs = 3_001
  await first.commit(id)
  await waiting
  assert.deepEqual(await second.inDoubt(), [])
})

test('a transaction is finished though all connections wait for its end', { timeout: 20_000 }, async (t) => {
  const { store } = await openStock(t, 5)
  const catalog = createStockParticipant(store, clock)
  const id = clock.uuid()
  await catalog.prepare(id, reserve(1))
  const waiting = Array.from({ length: stockConnectionsMax }, () => sell(catalog, 1))
  await clock.sleep(300)
  await catalog.commit(id)
  for (const answers of await Promise.all(waiting)) assert.deepEqual(answers, ['reserved'])
})

test('without the check the old price would be sold at', async (t) => {
  const { database, store } = await openStock(t, 5)
  const unchecked: StockStore = {
    ...store,
    prepare: (id, work) =>
      store.prepare(id, (tx) =>
        work({ ...tx, move: ({ movements, sums, news }) => tx.move({ movements, sums, news }) }),
      ),
  }
  const catalog = createStockParticipant(unchecked, clock)
  await sell(catalog, 1)
  await changePrice(database, 900)
  assert.equal(await priceOf(catalog), 500)
})

/** A title with so many copies, and how often it was asked how it stands. */
async function openStock(t: TestScope, copies: number) {
  const { url } = await testBookDb(t, 'stock')
  const database = await openBookDb(url)
  t.after(() => database[Symbol.asyncDispose]())
  const opened = await openStore(url, { applicationName: 'stock' })
  t.after(() => opened[Symbol.asyncDispose]())
  await opened.migrate()
  await addPlainBook(database, { isbn, copies, price: 500 })
  let asked = 0
  const kept = opened.stock
  const store: StockStore = {
    ...kept,
    prepare: (id, work) =>
      kept.prepare(id, (tx) =>
        work({
          ...tx,
          lock(isbns) {
            asked++
            return tx.lock(isbns)
          },
        }),
      ),
  }
  const stock = async () => {
    const [row] = await database.query<Record<string, unknown>>(
      'SELECT copies, held, sold, (SELECT sum(held_delta) FROM catalog.ledger) AS noted FROM catalog.stock',
    )
    return row && { ...row, noted: Number(row.noted) }
  }
  return { database, store, asked: () => asked, stock }
}

async function changePrice(database: Database, price: number): Promise<void> {
  await database.execute('UPDATE catalog.books SET price_amount = $1, version = version + 1', [price])
}

const reserve = (count: number): StockRequest[] =>
  Array.from({ length: count }, () => {
    return { kind: 'reserve', customer: 'ada@example.org', lines: [{ isbn, quantity: 1, alreadyBought: 0 }] }
  })

/** Prepares and commits a group. */
async function finish(catalog: StockParticipant, requests: readonly StockRequest[]) {
  const id = clock.uuid()
  const vote = await catalog.prepare(id, requests)
  if (vote.kind === 'prepared') await catalog.commit(id)
  return vote
}

async function sell(catalog: StockParticipant, count: number): Promise<string[]> {
  return (await finish(catalog, reserve(count))).answers.map(({ kind }) => kind)
}

async function priceOf(catalog: StockParticipant): Promise<number | undefined> {
  return (await finish(catalog, reserve(1))).titles[0]?.unitPrice.amount
}
