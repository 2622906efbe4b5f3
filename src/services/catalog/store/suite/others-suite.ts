import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBroker } from '#ports/broker'
import { systemClock as clock } from '#ports/clock'
import type { CatalogueChanged, StockChanged } from '#services/catalog'
import { catalogueChangedTopic } from '#services/catalog'
import { tellOfOthers } from '../../changes/tell-of-others.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { TestScope } from './stock-suite.ts'
import { add, entryFor, hold } from './suite-books.ts'

const waitMaxMs = 20_000

/** What a database is told by hand, in its own words. */
export type ByHand = {
  /** Whether it can be told which books were written to. */
  namesBooks: boolean
  execute(sql: string): Promise<unknown>
}

/** That whoever keeps answers hears of what was written behind the store's back. */
export function testOthersNews(
  name: string,
  open: (t: TestScope) => Promise<{ store: CatalogStore; byHand: ByHand }>,
): void {
  test(`${name}: what is written by hand is told of, and what the store writes itself is not told of twice`, async (t) => {
    const { store, byHand } = await open(t)
    const isbns = [1, 2, 3].map((i) => entryFor(i).isbn)
    const hear = await listen(t, store)
    assert.deepEqual(await hear.next(), null, 'at first it may be anything')
    await add(store, ...[1, 2, 3].map((i) => ({ ...entryFor(i), copies: 5 })))
    await store.books.change(async (changes) => {
      await changes.lock(isbns)
      await changes.replace([entryFor(1, { title: 'Other' })])
    })
    await hold(store, isbns[1] ?? '', 1)
    await byHand.execute(`UPDATE books SET publisher = 'Somebody' WHERE isbn = '${isbns[2]}'`)
    assert.deepEqual(await hear.next(), byHand.namesBooks ? [isbns[2]] : null)
    await byHand.execute(`UPDATE stock SET copies = copies + 2 WHERE isbn = '${isbns[0]}'`)
    assert.deepEqual(await hear.next(), byHand.namesBooks ? [isbns[0]] : null)
    if (byHand.namesBooks) assert.deepEqual(hear.stock.at(-1)?.books[0]?.available, 7)
    await byHand.execute(`DELETE FROM books WHERE isbn = '${isbns[2]}'`)
    assert.deepEqual(await hear.next(), byHand.namesBooks ? [isbns[2]] : null)
    await add(store, ...Array.from({ length: 100 }, (_, i) => entryFor(100 + i)))
    await byHand.execute(`UPDATE books SET publisher = 'Somebody else'`)
    assert.deepEqual(await hear.next(), null, 'of many none is named')
    assert.deepEqual(hear.told, [], 'nothing else was told of')
  })
}

async function listen(t: TestScope, store: CatalogStore) {
  const broker = await openBroker('memory:', { applicationName: 'suite' })
  const told: CatalogueChanged[] = []
  const stock: StockChanged[] = []
  const publish: typeof broker.publish = async (messages) => {
    for (const { topic, payload } of messages)
      if (topic === catalogueChangedTopic) told.push(payload as CatalogueChanged)
      else stock.push(payload as StockChanged)
  }
  const telling = tellOfOthers(store, { ...broker, publish }, clock)
  t.after(async () => {
    await telling[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
  })
  return {
    ...{ told, stock },
    async next() {
      const giveUpMs = clock.monotonicMs() + waitMaxMs
      while (told.length === 0) {
        assert.ok(clock.monotonicMs() < giveUpMs, 'it is told of')
        await clock.sleep(5)
      }
      return told.shift()?.isbns
    },
  }
}
