import { createHash } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { mediaTypeOf } from '../proxy/media-types.ts'

/** A file ready to be sent, in the encodings it is worth having. */
export type StaticFile = {
  readonly bytes: Buffer
  readonly mediaType: string
  /** Of the unencoded bytes; each encoding adds its name. */
  readonly tag: string
  /** Whether its name changes with its content, so that it may be kept for ever. */
  readonly isImmutable: boolean
  readonly encoded: Map<Encoding, Promise<Buffer>>
}
export type Encoding = 'br' | 'gzip'

export type StaticFolder = {
  /**
   * @param path relative, already decoded, forward slashes
   * @returns undefined where there is no such file, or none that may be shown
   */
  read(path: string): Promise<StaticFile | undefined>
}

const fileBytesMax = 16 * 1024 * 1024
const filesMax = 2_000
const checkEveryMs = 1_000
const compressFromBytes = 1_024

type Entry = { file: StaticFile; stamp: string; checkedMs: number }

/** Files of one folder, kept in memory and read again when they change on disk. */
export function openStaticFolder(root: string, nowMs: () => number): StaticFolder {
  const entries = new Map<string, Entry>()
  return {
    async read(path) {
      if (!isHarmless(path)) return undefined
      const entry = entries.get(path)
      if (entry !== undefined && nowMs() - entry.checkedMs < checkEveryMs) return entry.file
      const stamp = await stampOf(root, path)
      // What is not there is not remembered: made-up addresses would push out what is.
      if (stamp === '') {
        entries.delete(path)
        return undefined
      }
      if (entry !== undefined && entry.stamp === stamp) {
        entry.checkedMs = nowMs()
        return entry.file
      }
      if (entries.size >= filesMax) entries.clear()
      const file = staticFile(await readFile(join(root, path)), path)
      entries.set(path, { file, stamp, checkedMs: nowMs() })
      return file
    },
  }
}

export function staticFile(bytes: Buffer, path: string): StaticFile {
  return {
    bytes,
    mediaType: mediaTypeOf(extname(path)),
    tag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    isImmutable: /(^|\/)(_astro|assets)\/[^/]*[.-][\w-]{8,}\.\w+$/.test(path),
    encoded: new Map(),
  }
}

const brotli = promisify(brotliCompress)
const gzipped = promisify(gzip)

/** The bytes in an encoding, made once; undefined where it is not worth it. */
export async function encodedBytes(file: StaticFile, encoding: Encoding): Promise<Buffer | undefined> {
  if (
    file.bytes.length < compressFromBytes ||
    !/^(text\/|application\/(json|javascript|xml)|image\/svg)/.test(file.mediaType)
  )
    return undefined
  let made = file.encoded.get(encoding)
  if (made === undefined) {
    made =
      encoding === 'gzip' ? gzipped(file.bytes, { level: 7 }) : brotli(file.bytes, { params: brotliParams })
    file.encoded.set(encoding, made)
  }
  const bytes = await made
  return bytes.length < file.bytes.length ? bytes : undefined
}

const brotliParams = {
  [constants.BROTLI_PARAM_QUALITY]: 7,
  [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
}

/** No way up, no hidden file, nothing an operating system reads differently. */
function isHarmless(path: string): boolean {
  return (
    !/[\0\\:]/.test(path) && path.split('/').every((segment) => segment !== '' && !segment.startsWith('.'))
  )
}

/** Changes whenever the file does; empty where there is no regular file inside the folder. */
async function stampOf(root: string, path: string): Promise<string> {
  try {
    const [real, realRoot] = await Promise.all([realpath(join(root, path)), realpath(root)])
    if (!real.startsWith(realRoot + sep)) return ''
    const found = await stat(real)
    return found.isFile() && found.size <= fileBytesMax ? `${found.mtimeMs} ${found.size} ${found.ino}` : ''
  } catch {
    // There is no such file, which the caller answers with 404.
    return ''
  }
}
