import { createHash } from 'node:crypto'
import { notFound, Problem } from '#kernel/problem'
import { type Answer, answer, isFresh } from '#ports/http'
import { checkLink, InvalidKey, type ObjectStore } from '#ports/object-store'

export type Download = {
  link: { key: string; expires: number; signature: string }
  ifNoneMatch: string | undefined
  secret: string
  nowMs: number
  /** Whether an object is of something that has been taken back. */
  isRevoked?: (key: string) => Promise<boolean>
  /** Called with the key of a good link that has no object. */
  onMissing?: (key: string) => void
}

/** An object by its signed link. @throws Problem 403 for a link that is forged or past its time, 404 without object,
 * 410 for what has been revoked */
export async function handleDownload(store: ObjectStore, download: Download): Promise<Answer> {
  const { link, ifNoneMatch, secret, nowMs, isRevoked, onMissing } = download
  const check = checkLink(secret, link, nowMs)
  if (check.kind === 'expired')
    throw new Problem(403, 'link-expired', 'This link has expired: open the order again for a new one.')
  if (check.kind === 'forged') throw new Problem(403, 'link-invalid', 'This link was not made by this shop.')
  if (await isRevoked?.(link.key)) throw new Problem(410, 'revoked', 'This voucher has been revoked.')
  const object = await store.get(link.key).catch((error: unknown) => {
    if (error instanceof InvalidKey) return undefined
    throw error
  })
  if (object === undefined) {
    onMissing?.(link.key)
    throw notFound('such file')
  }
  const etag = `"${createHash('sha256').update(object.body).digest('base64url')}"`
  // It has the customer's name, and may be revoked: no copy of it is kept on the way.
  const headers = { etag, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  if (isFresh(ifNoneMatch, etag)) return answer(304, undefined, headers)
  return answer(200, object.body, {
    ...headers,
    'content-type': object.contentType,
    'content-disposition': dispositionOf(link.key),
  })
}

/** Shown in the browser, saved under a name that says what it is. Source: RFC 6266, RFC 8187. */
function dispositionOf(key: string): string {
  const [folder = '', name = ''] = [key.split('/')[0], key.split('/').at(-1)]
  const file = folder === 'vouchers' ? `octavo-voucher-${name}` : name
  const ascii = file.replace(/[^\x20-\x7e]|["\\]/g, '_')
  const encoded = encodeURIComponent(file).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return ascii === file
    ? `inline; filename="${file}"`
    : `inline; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
