import { type Answer, answer, etagOf, isFresh } from '#ports/http'
import { noSuchBook } from '../books/book-fields.ts'
import type { BookReader } from '../store/book-store.ts'
import { coverVersion, drawCover } from './cover.ts'

/** Asked for by the address that the book says, which changes with its cover; or by any other, which has to stay right. */
const keptForEver = 'public, max-age=31536000, immutable'
const keptForADay = 'public, max-age=86400, stale-while-revalidate=604800'
/** What an SVG may do where it is opened as a page of its own: show itself. */
const contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/**
 * The cover we draw, also for a book that has one of its own elsewhere.
 * @param version the one asked for, if any
 * @throws Problem 404
 */
export async function getCover(
  books: BookReader,
  isbn: string,
  ifNoneMatch: string | undefined,
  version: string | undefined,
): Promise<Answer> {
  const row = await books.find(isbn)
  if (row === undefined) throw noSuchBook(isbn)
  const svg = drawCover(row)
  const etag = etagOf(svg)
  const headers = {
    etag,
    'cache-control': version === coverVersion(row) ? keptForEver : keptForADay,
    'content-security-policy': contentSecurityPolicy,
  }
  if (isFresh(ifNoneMatch, etag)) return answer(304, undefined, headers)
  return answer(200, svg, { ...headers, 'content-type': 'image/svg+xml; charset=utf-8' })
}
