/** A store of immutable objects in buckets; S3 in production, files on a laptop. */
export type ObjectStore = AsyncDisposable & {
  /**
   * Stores an object whole or not at all; replaces one of the same key. When it resolves the object survives a crash.
   * @throws InvalidKey, ObjectStoreFull
   */
  put(key: string, body: Uint8Array, contentType: string): Promise<void>
  /** The object, or `undefined` where there is none. */
  get(key: string): Promise<StoredObject | undefined>
  /** Size and type without the body, or `undefined`. */
  head(key: string): Promise<{ bytes: number; contentType: string } | undefined>
  /** Resolves as well when there is no such object. */
  delete(key: string): Promise<void>
  /** Keys under a prefix, in order of their UTF-16 code units. */
  list(prefix: string): Promise<string[]>
  /** A URL, absolute or relative to the shop's own origin, that reads this object until `expiresAt` (ms since 1970). */
  presign(key: string, expiresAtMs: number): string
}

export type StoredObject = { body: Uint8Array; contentType: string }

/** What a bucket announces; a hint that may be lost, repeated or late. Published on `objectCreatedTopic`. */
export type ObjectCreated = { bucket: string; key: string; bytes: number }
export const objectCreatedTopic = 'object.created'

export type ObjectStoreOptions = {
  /** Keys the signatures of links, where this store signs its own. */
  secret: string
  /** Called after an object is stored; what becomes of it does not change the outcome of `put`. */
  onCreated?: (created: ObjectCreated) => void | Promise<void>
}

/** A key that no store takes. */
export class InvalidKey extends Error {
  override name = 'InvalidKey'
}

/** There is no room: nothing was stored, and what was there before is as it was. */
export class ObjectStoreFull extends Error {
  override name = 'ObjectStoreFull'
}

const keyBytesMax = 512

/**
 * Keys are paths of segments joined by `/`: any text but control characters, no empty segment, none of only dots.
 * @throws InvalidKey saying what is wrong
 */
export function checkKey(key: string): void {
  const wrong = (what: string) =>
    new InvalidKey(`the object key ${JSON.stringify(key.slice(0, 100))} ${what}`)
  if (key === '') throw wrong('is empty')
  if (!key.isWellFormed()) throw wrong('is not Unicode text')
  if (Buffer.byteLength(key) > keyBytesMax) throw wrong(`is longer than ${keyBytesMax} bytes`)
  for (const character of key) {
    const code = character.codePointAt(0) ?? 0
    if (code < 32 || code === 127) throw wrong('has a control character')
  }
  for (const segment of key.split('/')) {
    if (segment === '') throw wrong('has an empty part')
    if (/^\.+$/.test(segment)) throw wrong('has a part of only dots')
  }
}

/** @throws Error naming the schemes that exist when the URL has another one */
export async function openObjectStore(url: string, options: ObjectStoreOptions): Promise<ObjectStore> {
  const scheme = url.split(':', 1)[0] ?? ''
  if (scheme === 'file') return (await import('./files.ts')).openFileStore(url, options)
  throw new Error(`no object store adapter for "${scheme}:"; use file:///…`)
}

export { checkLink, type LinkCheck, signedLink } from './signed-link.ts'
