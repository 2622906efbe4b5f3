import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock as clock } from '#ports/clock'
import { DatabaseBusy, SerializationFailure } from '#ports/database'
import type { StockChanged } from '#services/catalog'
import type { Movement } from '../../stock/allot.ts'
import type { SeenTitle, StockStore } from '../stock-store.ts'
import {
  commit,
  commitWhenFree,
  isConstraint,
  movesOf,
  moving,
  newsOf,
  nothing,
  reserveMoves,
  reserving,
  seenIn,
} from './suite-moves.ts'

/** A store of stock with what a test does and sees around it. */
export type StockHarness = {
  store: StockStore
  /** The same stock as another process has it. */
  other: StockStore
  addTitle(isbn: string, copies: number): Promise<void>
  changePrice(isbn: string, amount: number): Promise<void>
  removeTitle(isbn: string): Promise<void>
  /** Undefined where there is no such title. */
  stockOf(isbn: string): Promise<Copies | undefined>
  /** What the ledger has of this title, without the copies it began with. */
  notedOf(isbn: string): Promise<Copies>
  /** What went out since this was last asked, oldest first. */
  news(): Promise<StockChanged[]>
}
type Copies = { copies: number; held: number; sold: number }
export type TestScope = { after(work: () => unknown): void }

const [a, b] = ['9780000000002', '9780000000019']

/** What every store of stock has to do. */
export function testStockStore(name: string, open: (t: TestScope) => Promise<StockHarness>): void {
  test(`${name}: what is prepared counts when it is committed, once, and by whoever commits it`, async (t) => {
    const { store, other, addTitle, stockOf, notedOf, news } = await open(t)
    await addTitle(a, 5)
    const id = clock.uuid()
    assert.equal(await store.prepare(id, reserving(a, 2)), 'done')
    assert.deepEqual(await stockOf(a), { copies: 5, held: 0, sold: 0 })
    assert.deepEqual(await news(), [])
    await other.commit(id)
    await store.commit(id)
    await store.abort(id)
    assert.deepEqual(await stockOf(a), { copies: 5, held: 2, sold: 0 })
    assert.deepEqual(await notedOf(a), { copies: 0, held: 2, sold: 0 })
    assert.deepEqual(await news(), [newsOf(a)])
  })

  test(`${name}: what is aborted never was, and may be prepared again`, async (t) => {
    const { store, addTitle, stockOf, notedOf, news } = await open(t)
    await addTitle(a, 5)
    const id = clock.uuid()
    await store.prepare(id, reserving(a, 2))
    await store.abort(id)
    await store.commit(id)
    assert.deepEqual(await stockOf(a), { copies: 5, held: 0, sold: 0 })
    assert.deepEqual([await notedOf(a), await news()], [{ copies: 0, held: 0, sold: 0 }, []])
    await store.prepare(id, reserving(a, 3))
    await store.commit(id)
    assert.equal((await stockOf(a))?.held, 3)
  })

  test(`${name}: an id that was committed is not prepared again until it is forgotten`, async (t) => {
    const { store, addTitle, stockOf } = await open(t)
    await addTitle(a, 5)
    const id = clock.uuid()
    await commit(store, id, reserving(a, 1))
    await assert.rejects(store.prepare(id, reserving(a, 1)), isConstraint('unique'))
    assert.deepEqual(await store.inDoubt(), [])
    assert.equal(await store.forget(60_000), 0)
    assert.equal(await store.forget(-1_000), 1)
    await commit(store, id, reserving(a, 1))
    assert.equal((await stockOf(a))?.held, 2)
  })

  test(`${name}: work that moves nothing, or throws, keeps nothing and no lock`, async (t) => {
    const { store, other, addTitle, stockOf } = await open(t)
    await addTitle(a, 5)
    await store.prepare(clock.uuid(), async (tx) => void (await tx.lock(new Set([a]))))
    await assert.rejects(
      store.prepare(clock.uuid(), async (tx) => {
        await tx.lock(new Set([a]))
        throw new Error('no')
      }),
      /no/,
    )
    await assert.rejects(
      store.prepare(clock.uuid(), async (tx) => {
        await reserving(a, 1)(tx)
        throw new Error('too late')
      }),
      /too late/,
    )
    assert.deepEqual(await store.inDoubt(), [])
    await commit(other, clock.uuid(), reserving(a, 1))
    assert.equal((await stockOf(a))?.held, 1)
  })

  test(`${name}: transactions in doubt are listed oldest first, to every process`, async (t) => {
    const { store, other, addTitle } = await open(t)
    const ids = [clock.uuid(), clock.uuid()]
    for (const [i, isbn] of [a, b].entries()) {
      await addTitle(isbn, 5)
      await store.prepare(ids[i] as string, reserving(isbn, 1))
      await sleep(30)
    }
    const found = await other.inDoubt()
    assert.deepEqual(
      found.map(({ id }) => id),
      ids,
    )
    for (const { ageMs } of found) assert.ok(ageMs >= 0 && ageMs < 60_000, `${ageMs} ms old`)
    for (const id of ids) await other.abort(id)
    assert.deepEqual(await store.inDoubt(), [])
  })

  test(`${name}: a title stays locked until its transaction is finished, and is waited for no longer than allowed`, async (t) => {
    const { store, other, addTitle, stockOf } = await open(t)
    await addTitle(a, 5)
    await addTitle(b, 5)
    const id = clock.uuid()
    await store.prepare(id, reserving(a, 1))
    await commit(other, clock.uuid(), reserving(b, 1))
    await assert.rejects(other.prepare(clock.uuid(), reserving(a, 1)), DatabaseBusy)
    const waiting = commitWhenFree(other, reserving(a, 2))
    await sleep(50)
    await store.commit(id)
    await waiting
    assert.deepEqual(await stockOf(a), { copies: 5, held: 3, sold: 0 })
    assert.deepEqual(await store.inDoubt(), [])
  })

  test(`${name}: titles are locked in one order, whatever order they are named in`, async (t) => {
    const { store, other, addTitle, stockOf } = await open(t)
    await addTitle(a, 100)
    await addTitle(b, 100)
    const both = async (stores: StockStore, isbns: string[]) => {
      for (let i = 0; i < 10; i++)
        await commit(stores, clock.uuid(), async (tx) => {
          const titles = await tx.lock(new Set(isbns))
          assert.deepEqual([...titles.keys()].sort(), [a, b])
          tx.move(movesOf(isbns.map((isbn) => ({ ...nothing, isbn, held: 1 }))))
        })
    }
    await Promise.all([both(store, [a, b]), both(other, [b, a])])
    assert.deepEqual([(await stockOf(a))?.held, (await stockOf(b))?.held], [20, 20])
  })

  test(`${name}: what is locked is read as it then is, and ISBNs of no book are left out`, async (t) => {
    const { store, addTitle, changePrice } = await open(t)
    await addTitle(a, 5)
    await commit(store, clock.uuid(), reserving(a, 2))
    await changePrice(a, 990)
    const [title, ...others] = await seenIn(store, [a, '9789999999991'])
    assert.deepEqual(others, [])
    const { copies, held, sold, priceAmount, priceCurrency, limited, perCustomer, salesOpenAt } =
      title as SeenTitle
    assert.deepEqual(
      { copies, held, sold, priceAmount, priceCurrency, limited, perCustomer, salesOpenAt },
      {
        ...{ copies: 5, held: 2, sold: 0, priceAmount: 990, priceCurrency: 'EUR' },
        ...{ limited: false, perCustomer: null, salesOpenAt: null },
      },
    )
  })

  test(`${name}: a title that is as it was left is moved without asking`, async (t) => {
    const { store, addTitle, stockOf } = await open(t)
    await addTitle(a, 5)
    const [title] = await seenIn(store, [a])
    assert.ok(title)
    await commit(store, clock.uuid(), async (tx) => tx.move(reserveMoves(a, 2, title)))
    const left = { ...title, held: 2, version: title.version + 1 }
    await commit(store, clock.uuid(), async (tx) => tx.move(reserveMoves(a, 1, left)))
    assert.deepEqual(await stockOf(a), { copies: 5, held: 3, sold: 0 })
  })

  const meanwhile: Record<string, (harness: StockHarness) => Promise<void>> = {
    'sold by another': ({ other }) => commit(other, clock.uuid(), reserving(a, 1)),
    edited: ({ changePrice }) => changePrice(a, 990),
    removed: ({ removeTitle }) => removeTitle(a),
    async 'made again'({ removeTitle, addTitle }) {
      await removeTitle(a)
      await addTitle(a, 5)
    },
    async 'sold and given back by another'({ other }) {
      await commit(other, clock.uuid(), reserving(a, 1))
      await commit(other, clock.uuid(), reserving(a, -1))
    },
  }
  for (const [what, happens] of Object.entries(meanwhile))
    test(`${name}: a title that was ${what} meanwhile is not as it was left`, async (t) => {
      const harness = await open(t)
      const { store, addTitle, stockOf } = harness
      await addTitle(a, 5)
      const [title] = await seenIn(store, [a])
      assert.ok(title)
      await happens(harness)
      const before = await stockOf(a)
      const late = store.prepare(clock.uuid(), async (tx) => tx.move(reserveMoves(a, 2, title)))
      await assert.rejects(late, SerializationFailure)
      assert.deepEqual([await stockOf(a), await store.inDoubt()], [before, []])
    })

  test(`${name}: who finds a title locked is told that it was moved when it was, and moves it when it was not`, async (t) => {
    const { store, other, addTitle, stockOf } = await open(t)
    await addTitle(a, 5)
    const [title] = await seenIn(store, [a])
    assert.ok(title)
    for (const [finish, outcome] of [
      ['abort', 'fulfilled'],
      ['commit', 'rejected'],
    ] as const) {
      const [first, second] = [clock.uuid(), clock.uuid()]
      await store.prepare(first, reserving(a, 1))
      const waiting: Promise<void> = other.prepare(second, async (tx) => tx.move(reserveMoves(a, 2, title)))
      const settled = Promise.allSettled([waiting])
      await sleep(50)
      await store[finish](first)
      const [result] = await settled
      assert.equal(result?.status, outcome)
      if (result?.status === 'rejected') assert.ok(result.reason instanceof SerializationFailure)
      await other.abort(second)
    }
    assert.deepEqual(await stockOf(a), { copies: 5, held: 1, sold: 0 })
  })

  test(`${name}: stock is never oversold, whatever was decided`, async (t) => {
    const { store, addTitle, stockOf } = await open(t)
    await addTitle(a, 2)
    for (const wrong of [{ held: 3 }, { sold: 3 }, { held: -1 }, { sold: -1 }, { copies: -3 }])
      await assert.rejects(
        store.prepare(clock.uuid(), moving({ ...nothing, isbn: a, ...wrong })),
        isConstraint('check'),
        JSON.stringify(wrong),
      )
    assert.deepEqual([await stockOf(a), await store.inDoubt()], [{ copies: 2, held: 0, sold: 0 }, []])
    await commit(store, clock.uuid(), moving({ ...nothing, isbn: a, held: 2 }))
    await commit(store, clock.uuid(), moving({ ...nothing, isbn: a, held: -2, sold: 2 }))
    assert.deepEqual(await stockOf(a), { copies: 2, held: 0, sold: 2 })
  })

  test(`${name}: a large group with any reason moves as one`, async (t) => {
    const { store, addTitle, stockOf, notedOf } = await open(t)
    await addTitle(a, 5)
    const reasons = ['', "it's \\ “Ünï” 書 {NULL}", null]
    const movements = Array.from({ length: 1_000 }, (_, i): Movement => {
      return { ...nothing, isbn: a, movement: 'set-copies', copies: 1, reason: reasons[i % 3] ?? null }
    })
    await commit(store, clock.uuid(), async (tx) => {
      await tx.lock(new Set([a]))
      tx.move({ movements, sums: [{ ...nothing, isbn: a, copies: 1_000 }], news: newsOf(a) })
    })
    assert.equal((await stockOf(a))?.copies, 1_005)
    assert.equal((await notedOf(a)).copies, 1_000)
  })
}
