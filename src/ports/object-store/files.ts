import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { logger } from '#ports/log'
import {
  checkKey,
  InvalidKey,
  type ObjectStore,
  ObjectStoreFull,
  type ObjectStoreOptions,
  ObjectStoreUnavailable,
  type StoredObject,
} from './object-store.ts'
import { signedLink } from './signed-link.ts'

const log = logger('object-store')

/** Half-written files wait here; a crash leaves them behind, the next open takes away what is this old. */
const temporaryFolder = '.tmp'
const temporaryMaxAgeMs = 3600_000

/**
 * Objects as files under a folder, each followed by one line that holds its size and content type. The line makes a put
 * one rename and shows a file cut short for what it is; to a PDF reader it is a comment.
 */
export async function openFileStore(url: string, options: ObjectStoreOptions): Promise<ObjectStore> {
  const root = fileURLToPath(url)
  const bucket = basename(root)
  await mkdir(join(root, temporaryFolder), { recursive: true })
  await removeOldTemporaries(join(root, temporaryFolder))

  return {
    async put(key, body, contentType) {
      const path = pathOf(root, key)
      await writeWhole(root, path, key, Buffer.concat([body, trailerOf(body.length, contentType)]))
      try {
        await options.onCreated?.({ bucket, key, bytes: body.length })
      } catch (error) {
        log.warn('nobody was told of an object', { key, error })
      }
    },
    async get(key): Promise<StoredObject | undefined> {
      const file = await unlessAbsent(root, readFile(pathOf(root, key)))
      const trailer = file && parseTrailer(file, file.length)
      return trailer && { body: file.subarray(0, trailer.bytes), contentType: trailer.contentType }
    },
    async head(key) {
      const file = await unlessAbsent(root, open(pathOf(root, key), 'r'))
      if (!file) return undefined
      try {
        const { size } = await file.stat()
        const length = Math.min(size, trailerBytesMax)
        const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length })
        return parseTrailer(buffer, size)
      } finally {
        await file.close()
      }
    },
    async delete(key) {
      const path = pathOf(root, key)
      if (
        (await unlessAbsent(
          root,
          rm(path).then(() => 'removed'),
        )) === undefined
      )
        return
      await unlessAbsent(root, syncFolder(dirname(path)))
    },
    async list(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      const keys: string[] = []
      if (folder !== '') checkKey(folder.slice(0, -1))
      await walk(root, join(root, encodeKey(folder)), folder, keys)
      return keys.filter((key) => key.startsWith(prefix)).sort()
    },
    presign(key, expiresAtMs) {
      checkKey(key)
      return signedLink(options.secret, key, expiresAtMs)
    },
    async [Symbol.asyncDispose]() {},
  }
}

function pathOf(root: string, key: string): string {
  checkKey(key)
  const path = encodeKey(key)
  if (path.split('/').some((part) => part.length > 255))
    throw new InvalidKey(`the object key ${key} has a part too long for a file name`)
  return join(root, path)
}

/** File names in plain ASCII, none hidden, so that no key can mean another file or the folder of temporary ones. */
function encodeKey(key: string): string {
  return key
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(/[.!'()*~]/g, encodeUnlessInside))
    .join('/')
}

function encodeUnlessInside(character: string, offset: number): string {
  return character === '.' && offset > 0 ? '.' : `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

const trailerBytesMax = 512

function trailerOf(bytes: number, contentType: string): Buffer {
  if (!/^[\x20-\x7e]{1,400}$/.test(contentType)) throw new TypeError(`not a content type: ${contentType}`)
  return Buffer.from(`\n%object ${bytes} ${contentType}\n`)
}

/** @param end the last bytes of a file of `size` bytes; `undefined` unless the file is whole */
function parseTrailer(end: Buffer, size: number): { bytes: number; contentType: string } | undefined {
  const text = end.subarray(-trailerBytesMax).toString('latin1')
  const match = /\n%object (\d+) ([\x20-\x7e]+)\n$/.exec(text)
  if (!match?.[1] || !match[2]) return undefined
  const bytes = Number(match[1])
  return bytes + match[0].length === size ? { bytes, contentType: match[2] } : undefined
}

/** Temporary file, fsync, rename, fsync of the folder: at every moment the old object is there, or the new one. */
async function writeWhole(root: string, path: string, key: string, content: Uint8Array): Promise<void> {
  const temporary = join(root, temporaryFolder, randomUUID())
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    const firstMade = await mkdir(dirname(path), { recursive: true })
    await rename(temporary, path)
    await syncFolder(dirname(path))
    // Folders that were just made are entries of their own parents.
    for (let made = dirname(path); firstMade && made.length >= firstMade.length; made = dirname(made))
      await syncFolder(dirname(made))
  } catch (error) {
    // It is removed at the next start if not now; what is thrown is why there is nothing to keep.
    await rm(temporary, { force: true }).catch(() => undefined)
    throw translated(error, key)
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function translated(error: unknown, key: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code))
    return new ObjectStoreFull(`no room to store ${key} (${code})`, { cause: error })
  if (['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY'].includes(code))
    return new InvalidKey(`the object key ${key} is the folder of another key, or the other way round`, {
      cause: error,
    })
  return away(error)
}

/** What the system refuses and no caller is to blame for. */
function away(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (!/^E[A-Z0-9]+$/.test(code)) return error
  return new ObjectStoreUnavailable(`the object store's folder cannot be used (${code})`, { cause: error })
}

/** @throws ObjectStoreUnavailable as well when all is absent: the folder was moved or is not mounted */
async function unlessAbsent<T>(root: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    const isAbsent = ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (isAbsent && (await isThere(root))) return undefined
    throw away(error)
  }
}

const isThere = (root: string) =>
  stat(join(root, temporaryFolder)).then(
    () => true,
    // That it is not is the answer.
    () => false,
  )

async function walk(root: string, folder: string, prefix: string, keys: string[]): Promise<void> {
  const entries = (await unlessAbsent(root, readdir(folder, { withFileTypes: true }))) ?? []
  for (const entry of entries) {
    // Names with a leading dot are not keys.
    if (entry.name.startsWith('.')) continue
    const key = prefix + decodeURIComponent(entry.name)
    if (entry.isDirectory()) await walk(root, join(folder, entry.name), `${key}/`, keys)
    else keys.push(key)
  }
}

async function removeOldTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    // Whoever wrote it has finished and renamed it meanwhile.
    const found = await stat(path).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > temporaryMaxAgeMs) await rm(path, { force: true })
  }
}
