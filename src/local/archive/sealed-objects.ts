import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { openObjectStore } from '#ports/object-store'
import { SealBroken } from '../backup/sealed-file.ts'

/** Objects that are compressed and sealed, each under its own name: none can stand in another one's place. */
export type SealedObjects = AsyncDisposable & {
  put(name: string, content: Buffer): Promise<void>
  /** @throws SealBroken when one bit of it is not as it was written, or it is not there */
  get(name: string): Promise<Buffer>
  /** The same, or undefined where there is none. */
  find(name: string): Promise<Buffer | undefined>
  list(prefix: string): Promise<string[]>
  delete(name: string): Promise<void>
}

const magic = Buffer.from('octavo archive 1\n')
const nonceBytes = 12
const tagBytes = 16
const contentBytesMax = 64 * 1024 * 1024
const compress = promisify(gzip)
const expand = promisify(gunzip)

/** @param place a folder, or the URL of an object store */
export async function openSealedObjects(place: string, key: string): Promise<SealedObjects> {
  // No link to an object is ever made, so nothing signs one.
  const store = await openObjectStore(placeUrl(place), { secret: '' })
  const aesKey = createHash('sha256').update('octavo archive').update(key).digest()
  const find = async (name: string) => {
    const found = await store.get(name)
    return found && (await opened(Buffer.from(found.body), name, aesKey))
  }
  return {
    find,
    async put(name, content) {
      await store.put(name, await sealed(content, name, aesKey), 'application/octet-stream')
    },
    async get(name) {
      const found = await find(name)
      if (found === undefined) throw new SealBroken(`the archive has no ${name}`)
      return found
    },
    list: (prefix) => store.list(prefix),
    delete: (name) => store.delete(name),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** A folder is named as it is; what has a scheme is a URL. */
export function placeUrl(place: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(place) ? place : pathToFileURL(resolve(place)).href
}

/** Where it is, without what opens it. */
export function shownPlace(place: string): string {
  const url = new URL(placeUrl(place))
  if (url.protocol === 'file:') return decodeURIComponent(url.pathname)
  return `${url.protocol}//${url.host}${url.pathname}`
}

async function sealed(content: Buffer, name: string, key: Buffer): Promise<Buffer> {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name))
  const packed = await compress(content, { level: 1 })
  return Buffer.concat([magic, nonce, cipher.update(packed), cipher.final(), cipher.getAuthTag()])
}

async function opened(bytes: Buffer, name: string, key: Buffer): Promise<Buffer> {
  const head = magic.length + nonceBytes
  if (bytes.length < head + tagBytes || !bytes.subarray(0, magic.length).equals(magic))
    throw new SealBroken(`${name} is no part of an archive`)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(magic.length, head))
  decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(-tagBytes))
  let packed: Buffer
  try {
    packed = Buffer.concat([decipher.update(bytes.subarray(head, -tagBytes)), decipher.final()])
  } catch (cause) {
    throw new SealBroken(`${name} was changed, cut short, or sealed with another key`, { cause })
  }
  return await expand(packed, { maxOutputLength: contentBytesMax })
}
