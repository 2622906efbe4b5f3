import { createHash } from 'node:crypto'
import { fieldsOf } from '../books/book-row.ts'
import { entryOf } from '../search/book-keys.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import { type FetchOverrides, fetchPicture } from './fetch-picture.ts'

export type Cover = { isbn: string; link: string }
export type CoverOutcome = Cover & ({ kind: 'fetched' | 'kept' } | { kind: 'none'; message: string })

/** More at once would be unkind to the one publisher that a file is mostly of. */
const atOnce = 4
export const coversMax = 20_000

type Stores = Pick<CatalogStore, 'books' | 'pictures'>

/**
 * Fetches pictures of covers and makes them the books' covers. A book with a cover of its own keeps that, and one whose
 * picture was fetched from the same address before is not fetched again.
 * @throws the signal's reason; the database's error
 */
export async function fetchCovers(
  stores: Stores,
  covers: readonly Cover[],
  signal: AbortSignal,
  onOutcome: (outcome: CoverOutcome) => void,
  overrides?: FetchOverrides,
): Promise<void> {
  const queue = covers.slice(0, coversMax)
  const work = async () => {
    for (let cover = queue.shift(); cover !== undefined; cover = queue.shift()) {
      signal.throwIfAborted()
      onOutcome({ ...cover, ...(await fetchOne(stores, cover, signal, overrides)) })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

type Outcome = { kind: 'fetched' | 'kept' } | { kind: 'none'; message: string }

async function fetchOne(
  { books, pictures }: Stores,
  { isbn, link }: Cover,
  signal: AbortSignal,
  overrides: FetchOverrides | undefined,
): Promise<Outcome> {
  const book = await books.find(isbn)
  const isOurs = book?.cover == null || book.cover.startsWith(pathOf(isbn))
  if (book === undefined || !isOurs) return { kind: 'kept' }
  if ((await pictures.sourcesOf([isbn])).get(isbn) === link && book.cover !== null) return { kind: 'kept' }
  const fetched = await fetchPicture(link, signal, overrides)
  if (fetched.kind === 'none') return fetched
  await pictures.put(isbn, { ...fetched, source: link })
  const version = createHash('sha256').update(fetched.bytes).digest('base64url').slice(0, 8)
  await books.change(async (changes) => {
    const row = (await changes.lock([isbn])).get(isbn)
    if (row !== undefined && row.cover === book.cover)
      await changes.replace([entryOf(isbn, { ...fieldsOf(row), cover: `${pathOf(isbn)}?v=${version}` })])
  })
  return { kind: 'fetched' }
}

const pathOf = (isbn: string) => `/api/books/${isbn}/picture`
