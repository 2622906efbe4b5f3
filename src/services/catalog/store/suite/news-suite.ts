import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBroker } from '#ports/broker'
import { systemClock as clock } from '#ports/clock'
import { type CatalogueChanged, catalogueChangedTopic } from '#services/catalog'
import type { CatalogStore } from '../catalog-store.ts'
import type { TestScope } from './stock-suite.ts'
import { add, entryFor } from './suite-books.ts'

/** What whoever keeps answers about books is told of. */
export function testBookNews(
  name: string,
  open: (t: TestScope) => Promise<readonly [CatalogStore, CatalogStore]>,
): void {
  test(`${name}: books that are added, edited or removed are told of, of many all, and none where that failed`, async (t) => {
    const [store] = await open(t)
    const told: CatalogueChanged[] = []
    const broker = await openBroker('memory:', { applicationName: 'suite' })
    const publish: typeof broker.publish = async (messages) => {
      const ours = messages.filter(({ topic }) => topic === catalogueChangedTopic)
      told.push(...ours.map(({ payload }) => payload as CatalogueChanged))
    }
    const carrier = store.carryNews({ ...broker, publish }, clock)
    t.after(async () => {
      await carrier[Symbol.asyncDispose]()
      await broker[Symbol.asyncDispose]()
    })
    const next = async () => {
      carrier.ring()
      while ((await store.audit.newsWaiting(-60_000)).length > 0) await clock.sleep(20)
      return told.splice(0).map(({ isbns }) => isbns?.toSorted() ?? null)
    }
    const isbns = [1, 2].map((i) => entryFor(i).isbn)
    await add(store, entryFor(1), entryFor(2))
    assert.deepEqual(await next(), [isbns])
    const failing = store.books.change(async (changes) => {
      await changes.lock(isbns)
      await changes.replace([entryFor(2, { title: 'Never' })])
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    await store.books.change(async (changes) => {
      await changes.lock(isbns)
      await changes.replace([entryFor(1, { title: 'Other' })])
    })
    assert.deepEqual(await next(), [[isbns[0]]])
    await store.books.change(async (changes) => {
      const book = await changes.lockWithStock(isbns[1] ?? '')
      assert.ok(book)
      await changes.remove(book)
    })
    assert.deepEqual(await next(), [[isbns[1]]])
    await add(store, ...Array.from({ length: 101 }, (_, i) => entryFor(100 + i)))
    assert.deepEqual(await next(), [null])
  })
}
