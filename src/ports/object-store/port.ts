import { adapterFor } from '#kernel/adapters'
import type { ObjectStore, ObjectStoreOptions } from './object-store.ts'

type Open = (url: string, options: ObjectStoreOptions) => Promise<ObjectStore>

const file: Open = async (...opened) => (await import('./files.ts')).openFileStore(...opened)
const s3: Open = async (...opened) => (await import('./s3/store.ts')).openS3Store(...opened)

/** By the URL's scheme. */
export const objectStoreAdapters: Readonly<Record<string, Open>> = { file, s3 }

/** @throws TypeError naming the schemes that exist when the URL has another one */
export async function openObjectStore(url: string, options: ObjectStoreOptions): Promise<ObjectStore> {
  return await adapterFor(url, 'object store', objectStoreAdapters)(url, options)
}

export {
  checkKey,
  InvalidKey,
  type ObjectCreated,
  type ObjectStore,
  ObjectStoreFull,
  type ObjectStoreOptions,
  ObjectStoreRefused,
  ObjectStoreUnavailable,
  objectCreatedTopic,
  type StoredObject,
} from './object-store.ts'
export { checkLink, type LinkCheck, signedLink } from './signed-link.ts'
