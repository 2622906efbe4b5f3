import { systemClock as clock } from '#ports/clock'
import type { NewBook } from '#services/catalog'
import { completed } from '../../books/book-fields.ts'
import { entryOf } from '../../search/book-keys.ts'
import type { BookFilter, BookOrder, NewBookEntry, Place } from '../book-store.ts'
import type { CatalogStore } from '../catalog-store.ts'

export function entryFor(i: number, given: Partial<NewBook> = {}): NewBookEntry {
  const fields = completed({ title: 'Title', price: { amount: 100, currency: 'EUR' }, ...given })
  return { ...entryOf(`97800000${String(i).padStart(5, '0')}`, fields), copies: 0, reason: 'suite' }
}

export const add = (store: CatalogStore, ...entries: NewBookEntry[]) =>
  store.books.change((changes) => changes.add(entries))

export async function hold(
  store: CatalogStore,
  isbn: string,
  quantity: number,
  as: 'held' | 'sold' = 'held',
) {
  const id = clock.uuid()
  const sum = { isbn, copies: 0, held: 0, sold: 0, [as]: quantity }
  await store.stock.prepare(id, async (tx) => {
    await tx.lock(new Set([isbn]))
    tx.move({ movements: [{ ...sum, movement: 'reserve', reason: null }], sums: [sum], news: { books: [] } })
  })
  await store.stock.commit(id)
}

/** @param matches how many books match, where the store is told */
export async function everyPage(
  store: CatalogStore,
  filter: BookFilter,
  order: BookOrder,
  limit: number,
  matches?: number,
) {
  const isbns: string[] = []
  let after: Place | undefined
  do {
    const told = { ...(matches !== undefined && { matches }), ...(after && { after }) }
    const page = await store.books.page({ filter, order, limit, ...told })
    isbns.push(...page.books.map((book) => book.isbn))
    after = page.last ?? undefined
  } while (after !== undefined && isbns.length < 1_000)
  return isbns
}

/** Texts by code point. */
export function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
