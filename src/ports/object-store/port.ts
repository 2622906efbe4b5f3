/** A store of immutable objects in buckets; S3 in production, files on a laptop. */
export type ObjectStore = AsyncDisposable & {
  /** Stores an object whole or not at all; replaces one of the same key. */
  put(key: string, body: Uint8Array, contentType: string): Promise<void>
  /** The object, or `undefined` where there is none. */
  get(key: string): Promise<StoredObject | undefined>
  /** Size and type without the body, or `undefined`. */
  head(key: string): Promise<{ bytes: number; contentType: string } | undefined>
  delete(key: string): Promise<void>
  /** Keys under a prefix, in order. */
  list(prefix: string): Promise<string[]>
  /** A URL, absolute or relative to the shop's own origin, that reads this object until `expiresAt` (ms since 1970). */
  presign(key: string, expiresAtMs: number): string
}

export type StoredObject = { body: Uint8Array; contentType: string }

/** What a bucket announces; a hint that may be lost, repeated or late. Published on `objectCreatedTopic`. */
export type ObjectCreated = { bucket: string; key: string; bytes: number }
export const objectCreatedTopic = 'object.created'
