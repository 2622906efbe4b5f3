import { Unavailable } from '#kernel/unavailable'

/**
 * A store of immutable objects in buckets; S3 in production, files on a laptop. Every call throws ObjectStoreUnavailable
 * when the store is away; that there is no such object is said only by a store that was asked.
 */
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
  /**
   * A URL, absolute or relative to the shop's own origin, that reads this object until `expiresAt` (ms since 1970).
   * @param saveAs the name under which a browser saves it from a store of another origin: printable ASCII
   */
  presign(key: string, expiresAtMs: number, saveAs?: string): string
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
  /** Where the store keeps what was deleted, it throws that away after so many days; undefined leaves it as it is. */
  keepDeletedDays?: number
}

/** A key that no store takes. */
export class InvalidKey extends Error {
  override name = 'InvalidKey'
}

/** The store is away: whether a put was done is unknown; do it again. */
export class ObjectStoreUnavailable extends Unavailable {
  override name = 'ObjectStoreUnavailable'
}

/** The store does not take our credentials, or not any longer; all else is as when it is away. */
export class ObjectStoreRefused extends ObjectStoreUnavailable {
  override name = 'ObjectStoreRefused'
}

/** There is no room: nothing was stored, and what was there before is as it was. */
export class ObjectStoreFull extends Unavailable {
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
