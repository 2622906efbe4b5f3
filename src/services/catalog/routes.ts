import type { Clock } from '#ports/clock'
import { answer, type HttpServer } from '#ports/http'
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
  getAvailability,
  getBook,
  getCover,
  getImport,
  getStock,
  listBooks,
  listImports,
  replaceBook,
  startImport,
} from './contract.ts'
import { getCover as cover } from './cover/get-cover.ts'
import type { Imports } from './import/imports.ts'
import type { BookStore } from './store/book-store.ts'

export type RouteOptions = {
  server: HttpServer
  books: BookStore
  clock: Clock
  imports: Imports
  /** Called after a change that may have left news in the outbox. */
  onChanged: () => void
}

/** Ties each route of the contract to its use case. */
export function addRoutes({ server, books, clock, imports, onChanged }: RouteOptions): void {
  const editOf = (request: {
    params: { isbn: string }
    headers: Readonly<Record<string, string | undefined>>
  }) => ({
    isbn: isbnOf(request.params.isbn),
    ifMatch: request.headers['if-match'],
    nowMs: clock.now(),
  })
  server.add(listBooks, async ({ query, path }) => {
    const page = await list(books, query, clock.now())
    return answer(200, page, linkToNext(path, page.next))
  })
  server.add(getBook, async ({ params }) => get(books, isbnOf(params.isbn), clock.now()))
  server.add(getAvailability, async ({ params }) => availability(books, isbnOf(params.isbn), clock.now()))
  server.add(getStock, async ({ params }) => stock(books, isbnOf(params.isbn)))
  server.add(getCover, async ({ params, headers }) =>
    cover(books, isbnOf(params.isbn), headers['if-none-match']),
  )
  server.add(createBook, async ({ body }) => create(books, body, clock.now()))
  server.add(replaceBook, async (request) => {
    const replaced = await replace(books, editOf(request), request.body)
    onChanged()
    return replaced
  })
  server.add(changeBook, async (request) => {
    const changed = await change(books, editOf(request), request.body)
    onChanged()
    return changed
  })
  server.add(deleteBook, async (request) => {
    const { isbn, ifMatch } = editOf(request)
    await remove(books, isbn, ifMatch)
    return answer(204)
  })
  server.add(startImport, (request) => imports.start(request))
  server.add(listImports, () => imports.list())
  server.add(getImport, ({ params }) => imports.get(params.id))
}
