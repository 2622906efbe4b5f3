import { type Answer, answer, etagOf, isFresh } from '#ports/http'
import { noSuchBook } from '../books/book-fields.ts'
import type { BookReader } from '../store/book-store.ts'
import { drawCover } from './cover.ts'

/** Covers are asked for by a URL that changes with the book, but the plain URL has to stay right as well. */
const cacheControl = 'public, max-age=86400, stale-while-revalidate=604800'
/** What an SVG may do where it is opened as a page of its own: show itself. */
const contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** The cover we draw, also for a book that has one of its own elsewhere. @throws Problem 404 */
export async function getCover(
  books: BookReader,
  isbn: string,
  ifNoneMatch: string | undefined,
): Promise<Answer> {
  const row = await books.find(isbn)
  if (row === undefined) throw noSuchBook(isbn)
  const svg = drawCover(row)
  const etag = etagOf(svg)
  const headers = {
    etag,
    'cache-control': cacheControl,
    'content-security-policy': contentSecurityPolicy,
  }
  if (isFresh(ifNoneMatch, etag)) return answer(304, undefined, headers)
  return answer(200, svg, { ...headers, 'content-type': 'image/svg+xml; charset=utf-8' })
}
