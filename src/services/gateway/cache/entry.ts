import { validateHeaderValue } from 'node:http'

/** An answer as it came from its service, and what is known of it. */
export type Entry = {
  /** Headers that go with it, lower-case names. */
  headers: Readonly<Record<string, string>>
  body: Buffer
  /** What it tells of: it goes when one of them changes. */
  tags: readonly string[]
  /** When its service was asked, ms since 1970. */
  madeAtMs: number
  /** Whether this process had it from its service itself: only then its tag says that its bytes are right. */
  isOwn: boolean
}

/** Names and values of headers that an answer keeps when it is answered again. */
const keptHeaders = [
  'content-type',
  'etag',
  'cache-control',
  'link',
  'content-security-policy',
  'last-modified',
]

export const listsTag = 'lists'
export const bookTag = (isbn: string) => `book:${isbn}`

/** The headers that stay with an answer. */
export function kept(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of keptHeaders) {
    const value = headers[name]
    if (typeof value === 'string') found[name] = value
  }
  return found
}

/** Whether anybody may be shown this answer. Source: RFC 9111 section 3. */
export function isShareable(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): boolean {
  if (status !== 200 || headers['set-cookie'] !== undefined) return false
  const vary = headers.vary
  if (vary !== undefined && !/^accept-encoding$/i.test(String(vary))) return false
  return !/\b(no-store|private)\b/i.test(String(headers['cache-control'] ?? ''))
}

/** As bytes for the shared level: the length of the head, the head as JSON, the body. @param target whose answer it is */
export function encodeEntry(target: string, { headers, tags, madeAtMs, body }: Entry): Buffer {
  const text = Buffer.from(JSON.stringify({ target, headers, tags, madeAtMs }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, body])
}

/** @returns undefined for bytes that are no entry of ours, or another target's: anybody may have written them */
export function decodeEntry(target: string, bytes: Uint8Array): Entry | undefined {
  try {
    const buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
    const end = 4 + buffer.readUInt32BE(0)
    if (end > buffer.length) return undefined
    const head = JSON.parse(buffer.toString('utf8', 4, end)) as Partial<Entry> & { target?: unknown }
    const { tags, madeAtMs } = head
    if (head.target !== target || !Array.isArray(tags) || typeof madeAtMs !== 'number') return undefined
    const headers = kept(head.headers ?? {})
    for (const [name, value] of Object.entries(headers)) validateHeaderValue(name, value)
    return { headers, tags, madeAtMs, body: buffer.subarray(end), isOwn: false }
  } catch {
    // Not ours, or broken: asked for anew.
    return undefined
  }
}
