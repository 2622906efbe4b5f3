import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '#kernel/problem'
import { Unavailable } from '#kernel/unavailable'
import { systemClock } from '#ports/clock'
import { createStockParticipant } from '../../src/services/catalog/stock/participant.ts'
import type { StockStore } from '../../src/services/catalog/store/stock-store.ts'
import { waitingMax, waitMaxMs } from '../../src/services/coordinator/engine.ts'
import type { WishOutcome } from '../../src/services/coordinator/member.ts'
import { addTitle, openDatabases, place, settle } from './databases.ts'

const kinds = (outcomes: readonly WishOutcome[]) =>
  outcomes.map((outcome) => (outcome.kind === 'stock' ? outcome.answer.kind : outcome.kind))
const placedId = (outcome: WishOutcome): string => {
  assert.ok(outcome.kind === 'placed')
  return outcome.order.id
}

test('a hundred copies go to exactly a hundred of four hundred buyers', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 100 })
  const engines = [store.engine(), store.engine()]
  const outcomes = await Promise.all(
    Array.from({ length: 400 }, (_, i) =>
      (engines[i % 2] as (typeof engines)[0]).submit(place(`buyer ${i}`, isbn)),
    ),
  )
  assert.equal(outcomes.filter((outcome) => outcome.kind === 'placed').length, 100)
  assert.equal(kinds(outcomes).filter((kind) => kind === 'out-of-stock').length, 300)
  assert.deepEqual(await store.stockOf(isbn), { copies: 100, held: 100, sold: 0 })
})

test('a member that makes orders throw fails alone, and its neighbours are placed', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 100 })
  const engine = store.engine()
  const id = 'no id that PostgreSQL takes'
  const wishes = Array.from({ length: 9 }, (_, i) => place(`key ${i}`, isbn, i === 4 ? { id } : {}))
  const outcomes = await Promise.allSettled(wishes.map((wish) => engine.submit(wish)))
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    wishes.map((_, i) => (i === 4 ? 'rejected' : 'fulfilled')),
  )
  assert.deepEqual(await store.stockOf(isbn), { copies: 100, held: 8, sold: 0 })
  assert.deepEqual(await store.stock.inDoubt(), [])
})

test('a member that makes catalog throw fails alone, and its neighbours are placed', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 100 })
  const stock = {
    ...store.stock,
    prepare(...[id, requests]: Parameters<typeof store.stock.prepare>) {
      if (JSON.stringify(requests).includes('bad'))
        return Promise.reject(new Error('nothing can be made of it'))
      return store.stock.prepare(id, requests)
    },
  }
  const engine = store.engine({ stock })
  const wishes = Array.from({ length: 5 }, (_, i) => place(`key ${i}`, i === 2 ? [isbn, 'bad'] : isbn))
  const outcomes = await Promise.allSettled(wishes.map((wish) => engine.submit(wish)))
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  assert.equal((await store.stockOf(isbn)).held, 4)
})

test('the same key again gives the same order, in one group, later, and when the title has sold out', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 1 })
  const engine = store.engine()
  const [first, ...again] = await Promise.all([1, 2, 3].map(() => engine.submit(place('one key', isbn))))
  again.push(await engine.submit(place('one key', isbn)), await store.engine().submit(place('one key', isbn)))
  const id = placedId(first as WishOutcome)
  for (const outcome of again) assert.equal(outcome.kind === 'replayed' && outcome.order.id, id)
  assert.deepEqual(kinds([await engine.submit(place('another key', isbn))]), ['out-of-stock'])
  assert.deepEqual(await store.stockOf(isbn), { copies: 1, held: 1, sold: 0 })
})

test('the same key with another body is told so, whether or not there are copies', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 2 })
  const engine = store.engine()
  await engine.submit(place('one key', isbn))
  assert.deepEqual(kinds([await engine.submit(place('one key', isbn, { body: 'other' }))]), ['key-reused'])
  await engine.submit(place('last copy', isbn))
  assert.deepEqual(kinds([await engine.submit(place('one key', isbn, { body: 'other' }))]), ['key-reused'])
})

test('two coordinators at once cannot give a customer more than the limit', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 100, perCustomer: 2 })
  const engines = [store.engine(), store.engine()]
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (engines[i % 2] as (typeof engines)[0]).submit(
        place(`key ${i}`, isbn, { email: i % 4 < 2 ? 'Ada@x.org' : 'ada@X.org' }),
      ),
    ),
  )
  assert.equal(kinds(outcomes).filter((kind) => kind === 'placed').length, 2)
  assert.equal(kinds(outcomes).filter((kind) => kind === 'customer-limit').length, 18)
  assert.equal((await store.stockOf(isbn)).held, 2)
})

test('a conflict sends the group round again without the offender', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 10 })
  await store.engine().submit(place('known', isbn))
  let groups = 0
  const counting = {
    ...store.agent,
    commitGroup: (...args: Parameters<typeof store.agent.commitGroup>) => {
      groups++
      return store.agent.commitGroup(...args)
    },
  }
  const engine = store.engine({ orders: counting })
  const outcomes = await Promise.all(
    ['new 1', 'known', 'new 2'].map((key) => engine.submit(place(key, isbn))),
  )
  assert.deepEqual(kinds(outcomes), ['placed', 'replayed', 'placed'])
  assert.equal(groups, 2)
  assert.equal((await store.stockOf(isbn)).held, 3)
})

test('one settlement asked for many times in one group moves the copies once', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 5 })
  const engine = store.engine()
  const id = placedId(await engine.submit(place('a', isbn)))
  await engine.submit(place('b', isbn))
  const wish = settle(id, isbn, { to: 'cancelled' })
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => engine.submit(wish)))
  assert.deepEqual(kinds(outcomes), ['settled', ...Array(9).fill('stale')])
  assert.deepEqual(await store.stockOf(isbn), { copies: 5, held: 1, sold: 0 })
  assert.deepEqual(await store.statuses(), ['cancelled', 'reserved'])
})

test('a settlement whose answer got lost is settled already when it is asked for again', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 1, price: 0 })
  const engine = store.engine()
  const id = placedId(await engine.submit(place('free', isbn)))
  const confirm = settle(id, isbn, { movement: 'confirm', to: 'confirmed', sagaId: id })
  assert.deepEqual(await engine.submit(confirm), { kind: 'settled', orderId: id, already: false })
  // Nothing is held any more: stock alone could not say what this is.
  assert.deepEqual(await engine.submit(confirm), { kind: 'settled', orderId: id, already: true })
  assert.deepEqual(await store.stockOf(isbn), { copies: 1, held: 0, sold: 1 })
})

test('an order of several titles is placed whole or refused whole', async (t) => {
  const store = await openDatabases(t)
  const [plenty, scarce] = [await addTitle(store, 1, { copies: 10 }), await addTitle(store, 2, { copies: 1 })]
  const engine = store.engine()
  const outcomes = await Promise.all(['a', 'b'].map((key) => engine.submit(place(key, [scarce, plenty]))))
  assert.deepEqual(kinds(outcomes), ['placed', 'out-of-stock'])
  assert.equal((await store.stockOf(plenty)).held, 1)
})

test('stock edits ride in the same groups and never go below what is held', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 1 })
  const engine = store.engine()
  const edit = (copies: number) => engine.submit({ kind: 'set-copies', isbn, copies, reason: null })
  const outcomes = await Promise.all([
    engine.submit(place('a', isbn)),
    edit(0),
    edit(3),
    engine.submit(place('b', isbn)),
  ])
  assert.deepEqual(kinds(outcomes), ['placed', 'below-sold', 'copies-set', 'placed'])
  assert.deepEqual(await store.stockOf(isbn), { copies: 3, held: 2, sold: 0 })
})

test('an answer from orders that gets lost is found out, and the order exists once', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 1 })
  const silent = {
    ...store.agent,
    async commitGroup(...args: Parameters<typeof store.agent.commitGroup>) {
      await store.agent.commitGroup(...args)
      throw new Unavailable('the answer got lost')
    },
  }
  const outcome = await store.engine({ orders: silent }).submit(place('a', isbn))
  assert.equal(outcome.kind, 'placed')
  assert.deepEqual(await store.statuses(), ['reserved'])
  assert.deepEqual(await store.stockOf(isbn), { copies: 1, held: 1, sold: 0 })
})

test('what comes when the queue is full is turned away, and what waits too long is told so', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 10 })
  let aheadMs = 0
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const asked = Promise.withResolvers<void>()
  const stock = {
    ...store.stock,
    prepare: async (...args: Parameters<typeof store.stock.prepare>) => {
      asked.resolve()
      await gate
      return await store.stock.prepare(...args)
    },
  }
  const engine = store.engine({ stock, clock })
  const first = engine.submit(place('first', isbn))
  await asked.promise
  const waiting = Array.from({ length: waitingMax }, (_, i) => engine.submit(place(`waits ${i}`, isbn)))
  const settled = Promise.allSettled(waiting)
  await assert.rejects(
    engine.submit(place('too much', isbn)),
    (error) => error instanceof Problem && error.status === 429,
  )
  aheadMs = waitMaxMs + 1
  open()
  assert.equal((await first).kind, 'placed')
  const outcomes = await settled
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason.status === 503))
  assert.equal((await store.stockOf(isbn)).held, 1)
})

test('the database itself refuses an oversale, should the decision ever be wrong', async (t) => {
  const store = await openDatabases(t)
  const isbn = await addTitle(store, 1, { copies: 1 })
  await store.engine().submit(place('a', isbn))
  // A decision that sees copies that are not there, as a broken build would.
  const misread: StockStore = {
    ...store.store,
    prepare: (id, work) =>
      store.store.prepare(id, (tx) =>
        work({
          ...tx,
          async lock(isbns) {
            const titles = await tx.lock(isbns)
            return new Map([...titles].map(([isbn, title]) => [isbn, { ...title, copies: 1_000 }]))
          },
        }),
      ),
  }
  const engine = store.engine({ stock: createStockParticipant(misread, systemClock) })
  await assert.rejects(engine.submit(place('b', isbn)), /stock_never_oversold/)
  assert.deepEqual(await store.stockOf(isbn), { copies: 1, held: 1, sold: 0 })
  assert.deepEqual(await store.stock.inDoubt(), [])
})
