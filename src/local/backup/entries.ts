import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'
import { reader, SealBroken } from './sealed-file.ts'

/** A file in a backup: its path there, and what is in it. */
export type Entry = { path: string; content: Buffer | { file: string } }

/** Whoever asked for it has had enough. */
class Stopped extends Error {
  override name = 'Stopped'
}

/** @throws Stopped once it was asked to stop */
export function goOn(stop: AbortSignal | undefined): void {
  if (stop?.aborted) throw new Stopped('it was stopped')
}

const pieceBytes = 256 * 1024
const pathBytesMax = 4_096

/**
 * Files one after the other, each as its pieces: path, then lengths and bytes until a length of zero.
 * @throws Stopped
 */
export async function* packed(entries: AsyncIterable<Entry>, stop?: AbortSignal): AsyncGenerator<Buffer> {
  // Begun when it is read: a failure before that would be nobody's.
  const source = Readable.from(untilStopped(pieces(entries), stop))
  const gzip = createGzip({ level: 1 })
  source.on('error', (error) => gzip.destroy(error))
  yield* source.pipe(gzip)
}

async function* untilStopped(source: AsyncIterable<Buffer>, stop?: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    goOn(stop)
    yield piece
  }
}

async function* pieces(entries: AsyncIterable<Entry>): AsyncGenerator<Buffer> {
  for await (const { path, content } of entries) {
    yield lengthened(Buffer.from(path))
    if (Buffer.isBuffer(content)) {
      if (content.length > 0) yield lengthened(content)
    } else yield* fileIn(content.file)
    yield lengthened(Buffer.alloc(0))
  }
}

/** As long as it turns out to be: it may grow while it is read. One that has gone since is empty. */
async function* fileIn(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  try {
    for (;;) {
      const { bytesRead, buffer } = (await file?.read(Buffer.alloc(pieceBytes), 0, pieceBytes)) ?? {
        bytesRead: 0,
      }
      if (bytesRead === 0 || buffer === undefined) return
      yield lengthened(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file?.close()
  }
}

function lengthened(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/**
 * @param take is given each file's path, and then its content piece by piece
 * @throws Stopped
 */
export async function unpack(
  packed: AsyncIterable<Buffer>,
  take: (path: string, content: AsyncIterable<Buffer>) => Promise<void>,
  stop?: AbortSignal,
): Promise<void> {
  // What breaks on the way in has to break the way out.
  const source = Readable.from(untilStopped(packed, stop))
  const gunzip = createGunzip()
  source.on('error', (error) => gunzip.destroy(error))
  const bytes = reader(source.pipe(gunzip))
  const piece = async (lengthMax: number) => {
    const length = (await bytes.take(4))?.readUInt32BE()
    const taken = length === undefined || length > lengthMax ? undefined : await bytes.take(length)
    if (taken === undefined) throw new SealBroken('the backup ends in the middle of a file')
    return taken
  }
  async function* content(): AsyncGenerator<Buffer> {
    for (let next = await piece(pieceBytes); next.length > 0; next = await piece(pieceBytes)) yield next
  }
  while (!(await bytes.isOver())) await take((await piece(pathBytesMax)).toString(), content())
}
