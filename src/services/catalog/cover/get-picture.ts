import { notFound } from '#kernel/problem'
import { type Answer, answer, etagOf, isFresh } from '#ports/http'
import type { PictureStore } from '../store/picture-store.ts'

/** The address changes with the picture. */
const cacheControl = 'public, max-age=86400, stale-while-revalidate=604800'
/** It came from elsewhere: whatever it holds, it is shown as a picture or not at all. */
const contentSecurityPolicy = "default-src 'none'; sandbox"

/** The picture of a cover that was fetched for a book. @throws Problem 404 */
export async function getPicture(
  pictures: PictureStore,
  isbn: string,
  ifNoneMatch: string | undefined,
): Promise<Answer> {
  const picture = await pictures.find(isbn)
  if (picture === undefined) throw notFound(`picture of a cover for the ISBN ${isbn}`)
  const etag = etagOf(picture.bytes.toString('latin1'))
  const headers = {
    etag,
    'cache-control': cacheControl,
    'content-security-policy': contentSecurityPolicy,
    'x-content-type-options': 'nosniff',
  }
  if (isFresh(ifNoneMatch, etag)) return answer(304, undefined, headers)
  return answer(200, picture.bytes, { ...headers, 'content-type': picture.type })
}
