import type { Broker } from '#ports/broker'
import { type Clock, startLoop } from '#ports/clock'
import { logger } from '#ports/log'
import { stockChangedTopic } from '#services/catalog'
import { newsOf } from '../stock/news.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import { type CatalogueChanged, catalogueChangedTopic, toldBooksMax } from './change-messages.ts'

const log = logger('catalog')
/** The first of many changes is told of at once, the others together. */
const spacingMs = 100

/** Tells of books and stock that were written to behind the store's back, for as long as it is not disposed. */
export function tellOfOthers(store: CatalogStore, broker: Broker, clock: Clock): AsyncDisposable {
  const untold = new Set<string>()
  let isAnything = false
  const tell = async (): Promise<'done'> => {
    const isbns = isAnything || untold.size > toldBooksMax ? null : [...untold].sort()
    untold.clear()
    isAnything = false
    if (isbns?.length === 0) return 'done'
    try {
      const messages: { topic: string; payload: unknown }[] = []
      for (const isbn of isbns ?? []) {
        const book = await store.books.find(isbn)
        if (book !== undefined)
          messages.push({ topic: stockChangedTopic, payload: newsOf([book], clock.now()) })
      }
      const changed: CatalogueChanged = { isbns }
      await broker.publish([...messages, { topic: catalogueChangedTopic, payload: changed }])
      return 'done'
    } catch (error) {
      // Of which books does not matter any more when it can be told.
      isAnything = true
      throw error
    }
  }
  const loop = startLoop({
    ...{ clock, work: tell, spacingMs },
    onError: (error) => log.warn('what others wrote cannot be told of just now', { error }),
  })
  const hearing = store.hearOfOthers(clock, (wrote) => {
    if (wrote.kind === 'anything') isAnything = true
    else for (const isbn of wrote.isbns) untold.add(isbn)
    loop.wake()
  })
  return {
    async [Symbol.asyncDispose]() {
      await hearing[Symbol.asyncDispose]()
      await loop[Symbol.asyncDispose]()
    },
  }
}
