import type { Clock } from '#ports/clock'
import { type Answer, answer, type HttpServer, seenHeader } from '#ports/http'
import { isbnOf } from './books/book-fields.ts'
import { changeBook as change, replaceBook as replace } from './books/change-book.ts'
import { createBook as create } from './books/create-book.ts'
import { deleteBook as remove } from './books/delete-book.ts'
import { getAvailability as availability, getBook as get, getStock as stock } from './books/get-book.ts'
import { listBooks as list } from './books/list-books.ts'
import { linkToNext } from './books/next-link.ts'
import {
  changeBook,
  createBook,
  deleteBook,
  forgetSearches,
  getAvailability,
  getBook,
  getCover,
  getImport,
  getPicture,
  getStock,
  listBooks,
  listImports,
  replaceBook,
  startImport,
} from './contract.ts'
import { getCover as cover } from './cover/get-cover.ts'
import { getPicture as picture } from './cover/get-picture.ts'
import type { Imports } from './import/imports.ts'
import type { Misses } from './search/note-misses.ts'
import { phrasesOf } from './search/phrases-of-person.ts'
import type { BookStore } from './store/book-store.ts'
import type { BookReads } from './store/catalog-store.ts'
import type { PictureStore } from './store/picture-store.ts'

export type RouteOptions = {
  server: HttpServer
  books: BookStore
  pictures: PictureStore
  reads: BookReads
  clock: Clock
  imports: Imports
  misses: Pick<Misses, 'note' | 'forget'>
  /** Called after a change that may have left news in the outbox. */
  onChanged: () => void
}

/** Ties each route of the contract to its use case. */
export function addRoutes(options: RouteOptions): void {
  const { server, books, pictures, reads, clock, imports, misses, onChanged } = options
  addReads(options)
  const editOf = (request: {
    params: { isbn: string }
    headers: Readonly<Record<string, string | undefined>>
  }) => ({
    isbn: isbnOf(request.params.isbn),
    ifMatch: request.headers['if-match'],
    nowMs: clock.now(),
  })
  server.add(getPicture, async ({ params, headers }) =>
    picture(pictures, isbnOf(params.isbn), headers['if-none-match']),
  )
  server.add(createBook, async ({ body }) => withSeen(reads, await create(books, body, clock.now())))
  server.add(replaceBook, async (request) => {
    const replaced = await replace(books, editOf(request), request.body)
    onChanged()
    return withSeen(reads, replaced)
  })
  server.add(changeBook, async (request) => {
    const changed = await change(books, editOf(request), request.body)
    onChanged()
    return withSeen(reads, changed)
  })
  server.add(deleteBook, async (request) => {
    const { isbn, ifMatch } = editOf(request)
    await remove(books, isbn, ifMatch)
    return withSeen(reads, answer(204))
  })
  server.add(forgetSearches, async ({ body }) => ({ left: await misses.forget(phrasesOf(body)) }))
  server.add(startImport, (request) => imports.start(request))
  server.add(listImports, () => imports.list())
  server.add(getImport, ({ params }) => imports.get(params.id))
}

/** What is shown may come from a replica; how many copies there are to sell may not. */
function addReads({ server, reads, books, misses, clock }: RouteOptions): void {
  const reader = (request: { headers: Readonly<Record<string, string | undefined>> }) =>
    reads.reader(request.headers[seenHeader])
  server.add(listBooks, async (request) => {
    const page = await list(await reader(request), request.query, clock.now())
    if (page.total === 0 && request.query.q !== undefined) misses.note(request.query.q)
    return answer(200, page, linkToNext(request.path, page.next))
  })
  server.add(getBook, async (request) => get(await reader(request), isbnOf(request.params.isbn), clock.now()))
  server.add(getAvailability, async (request) =>
    availability(await reader(request), isbnOf(request.params.isbn), clock.now()),
  )
  server.add(getCover, async (request) =>
    cover(
      await reader(request),
      isbnOf(request.params.isbn),
      request.headers['if-none-match'],
      request.query.v,
    ),
  )
  server.add(getStock, async ({ params }) => stock(books, isbnOf(params.isbn)))
}

/** Tells one who has written what they have seen by that; sent along with a read, they are shown no less. */
async function withSeen({ seen }: BookReads, given: Answer): Promise<Answer> {
  // It was written; that the primary has gone since is no reason to say otherwise.
  const position = await seen().catch(() => undefined)
  if (position === undefined) return given
  return answer(given.status, given.body, { ...given.headers, [seenHeader]: position })
}
