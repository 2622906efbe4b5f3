import { currentDrops, dropsRead } from '#kernel/drop-order'
import type { Clock } from '#ports/clock'
import type { ServiceClient } from '#ports/http'
import { type Book, listBooks } from '#services/catalog'
import { dropCards, dropsMarker } from './drops-fragment.ts'
import { type StaticFile, staticFile } from './static-files.ts'

export type Drops = {
  /** The page with the current drops in place of its marker; the page itself where it has none or nobody knows them. */
  fill(page: StaticFile): Promise<StaticFile>
}

const freshMs = 5_000
/** Cards older than this would rather be left out than shown. */
const staleMs = 10 * 60_000
const deadlineMs = 1_000
/** For a page that does not say how many drops it wants. */
const dropsMaxDefault = 6

/** Writes the limited editions into pages, so that they can be read without JavaScript. */
export function createDrops(client: ServiceClient, clock: Clock): Drops {
  const filled = new WeakMap<StaticFile, { books: readonly Book[]; page: StaticFile }>()
  const withMarker = new WeakMap<StaticFile, boolean>()
  const current = cachedBooks(client, clock)
  return {
    async fill(page) {
      if (!page.mediaType.startsWith('text/html')) return page
      if (!withMarker.has(page)) withMarker.set(page, page.bytes.includes(dropsMarker))
      if (!withMarker.get(page)) return page
      const books = await current()
      if (books === undefined) return page
      const before = filled.get(page)
      if (before?.books === books) return before.page
      const made = filledPage(page, books)
      filled.set(page, { books, page: made })
      return made
    },
  }
}

function filledPage(page: StaticFile, books: readonly Book[]): StaticFile {
  const html = page.bytes.toString()
  const locale = /data-drops="([\w-]+)"/.exec(html)?.[1] ?? 'en'
  const dropsMax = Number(/data-drops-max="(\d+)"/.exec(html)?.[1] ?? dropsMaxDefault)
  const cards = dropCards(currentDrops(books, dropsMax), locale)
  return staticFile(Buffer.from(html.replaceAll(dropsMarker, () => cards)), 'page.html')
}

/** The list as of a few seconds ago; the first asker waits for it, later ones get the last one while it is renewed. */
function cachedBooks(client: ServiceClient, clock: Clock): () => Promise<readonly Book[] | undefined> {
  let books: readonly Book[] | undefined
  let text = ''
  let readMs = Number.NEGATIVE_INFINITY
  let triedMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  const read = async () => {
    triedMs = clock.monotonicMs()
    const list = await client.call('catalog', listBooks, {
      query: { limited: true, limit: dropsRead },
      deadlineMs,
    })
    readMs = clock.monotonicMs()
    const items = list.items as Book[]
    // The same list stays the same object, so that a page made from it stays the same too.
    if (JSON.stringify(items) !== text) books = items
    text = JSON.stringify(items)
  }
  return async () => {
    const now = clock.monotonicMs()
    if (now - Math.max(readMs, triedMs) > freshMs && reading === undefined)
      reading = read()
        // The page shows the last list, and the next visit tries again.
        .catch(() => {})
        .finally(() => {
          reading = undefined
        })
    if (books === undefined) await reading
    return clock.monotonicMs() - readMs < staleMs ? books : undefined
  }
}
