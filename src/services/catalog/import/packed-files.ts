import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream'
import { crc32, createGunzip, createInflateRaw } from 'node:zlib'
import { UnreadableFile } from './source.ts'
import { type ZipEntry, zipEntries } from './zip-entries.ts'

/** One catalogue file; `name` where it is one of an archive. */
export type CatalogueFile = { name?: string; bytes: AsyncIterable<Uint8Array> }

const packedLimits = {
  unpackedBytesMax: 4 * 1024 ** 3,
  /** Catalogues shrink to a tenth or a fiftieth; what shrinks much more was made to fill a disk. */
  ratioMax: 250,
  /** Below it the ratio says nothing. */
  ratioFromBytes: 16 * 1024 ** 2,
} as const

const catalogueName = /\.(?:onx|onix|xml|csv|tsv|txt)$/i

/**
 * The catalogue files in a file: itself, what it holds when it is compressed by gzip, or each .onx, .xml and .csv of a ZIP
 * archive in the archive's order. Told by its first bytes; unpacked while it is read, never to disk.
 * @throws UnreadableFile for an archive without catalogues, a damaged or encrypted one, and one above `packedLimits`
 */
export async function* catalogueFiles(
  path: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<CatalogueFile> {
  await using file = await open(path)
  const { size } = await file.stat()
  const start = Buffer.alloc(4)
  await file.read(start, 0, 4, 0)
  const budget = new Budget(size)
  let read = 0
  const piece = (from: number, to: number) =>
    createReadStream(path, { start: from, end: to - 1 }).on('data', (chunk) => {
      read += chunk.length
      onBytes(read)
    })
  if (start.readUInt16BE() === 0x1f8b) yield { bytes: unpacked(piece(0, size), createGunzip(), budget) }
  else if (start.readUInt32BE() === 0x504b0304) yield* inArchive(file, size, piece, budget)
  else yield { bytes: size === 0 ? createReadStream(path) : piece(0, size) }
}

type Piece = (from: number, to: number) => Readable

async function* inArchive(
  file: FileHandle,
  size: number,
  piece: Piece,
  budget: Budget,
): AsyncGenerator<CatalogueFile> {
  const entries = await zipEntries(file, size)
  if (entries.some(({ name }) => name === '[Content_Types].xml'))
    throw new UnreadableFile('the file is an Excel workbook or another office document; save it as CSV')
  if (entries[0]?.name === 'mimetype')
    throw new UnreadableFile(
      'the file is an OpenDocument table, which can be saved as CSV, or an electronic book',
    )
  const wanted = entries.filter(
    ({ name }) => catalogueName.test(name) && !/(?:^|\/)(?:__MACOSX\/|\.)/.test(name),
  )
  if (wanted.length === 0) {
    const names = entries.slice(0, 10).map(({ name }) => name.slice(0, 60))
    throw new UnreadableFile(
      `the archive holds no .onx, .xml or .csv file; it holds ${names.join(', ') || 'nothing'}`,
    )
  }
  for (const entry of wanted) yield { name: entry.name, bytes: entryBytes(file, entry, size, piece, budget) }
}

async function* entryBytes(
  file: FileHandle,
  entry: ZipEntry,
  size: number,
  piece: Piece,
  budget: Budget,
): AsyncGenerator<Uint8Array> {
  const { name, method, isEncrypted, packedBytes } = entry
  if (isEncrypted) throw new UnreadableFile(`${name} in the archive is encrypted; unpack it first`)
  if (method !== 0 && method !== 8)
    throw new UnreadableFile(`${name} in the archive is compressed by a method that is not read (${method})`)
  const head = Buffer.alloc(30)
  await file.read(head, 0, 30, entry.offset)
  const from = entry.offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28)
  if (head.readUInt32LE(0) !== 0x04034b50 || from + packedBytes > size)
    throw new UnreadableFile(`${name} in the archive is damaged`)
  if (packedBytes === 0) return
  const source = piece(from, from + packedBytes)
  let sum = 0
  for await (const chunk of method === 0
    ? budget.spend(source)
    : unpacked(source, createInflateRaw(), budget)) {
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== entry.crc) throw new UnreadableFile(`${name} in the archive is damaged: its checksum is wrong`)
}

/** Ends the source when whoever reads it stops. */
async function* unpacked(source: Readable, unpacker: Transform, budget: Budget): AsyncGenerator<Uint8Array> {
  // What goes wrong reaches the loop below, which the unpacker ends.
  pipeline(source, unpacker, () => undefined)
  try {
    yield* budget.spend(unpacker)
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error
    throw new UnreadableFile('the compressed file is damaged or cut off')
  } finally {
    unpacker.destroy()
  }
}

/** What one file may unpack to, all its entries together. */
class Budget {
  readonly #bytesMax: number
  #bytes = 0
  constructor(packedBytes: number) {
    const byRatio = Math.max(packedLimits.ratioFromBytes, packedBytes * packedLimits.ratioMax)
    this.#bytesMax = Math.min(packedLimits.unpackedBytesMax, byRatio)
  }
  async *spend(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#bytes += chunk.length
      if (this.#bytes > this.#bytesMax)
        throw new UnreadableFile('the compressed file unpacks to more than an import takes')
      yield chunk
    }
  }
}
