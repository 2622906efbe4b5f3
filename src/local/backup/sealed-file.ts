import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'

/** A file that was changed, cut short, or sealed with another key. */
export class SealBroken extends Error {
  override name = 'SealBroken'
}

const magic = Buffer.from('octavo backup 1\n')
const prefixBytes = 7
const tagBytes = 16
const pieceBytesMax = 1024 * 1024

/**
 * Writes a file in sealed pieces, each of which knows its place and whether it is the last, under a name of its own until
 * it is whole and on disk. Source: V. Hoang, R. Reyhanitabar, P. Rogaway, D. Vizár, "Online Authenticated-Encryption",
 * 2015 (STREAM), with AES-256-GCM.
 */
export async function writeSealed(path: string, key: string, content: AsyncIterable<Buffer>): Promise<void> {
  const aside = `${path}.partial`
  const file = await open(aside, 'w', 0o600)
  try {
    const prefix = randomBytes(prefixBytes)
    await writeAll(file, Buffer.concat([magic, prefix]))
    let number = 0
    const seal = (piece: Buffer, isLast: boolean) =>
      writePiece(file, { key, prefix, number: number++, isLast }, piece)
    let rest: Buffer = Buffer.alloc(0)
    for await (const more of content) {
      rest = Buffer.concat([rest, more])
      for (; rest.length > pieceBytesMax; rest = rest.subarray(pieceBytesMax))
        await seal(rest.subarray(0, pieceBytesMax), false)
    }
    await seal(rest, true)
    await file.sync()
    await file.close()
    await rename(aside, path)
  } catch (error) {
    // What broke off is what is told.
    await file.close().catch(() => undefined)
    await rm(aside, { force: true })
    throw error
  }
}

type Place = { key: string; prefix: Buffer; number: number; isLast: boolean }

async function writePiece(file: FileHandle, place: Place, piece: Buffer): Promise<void> {
  const cipher = createCipheriv('aes-256-gcm', keyOf(place.key), nonceOf(place))
  const sealed = Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(sealed.length)
  await writeAll(file, Buffer.concat([length, sealed]))
}

/** One write takes what there is room for, and says so only by a number. */
export async function writeAll(file: Pick<FileHandle, 'write'>, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten
}

/** @throws SealBroken before anything is given out that was not sealed with this key, in this place */
export async function* readSealed(path: string, key: string): AsyncGenerator<Buffer> {
  const bytes = reader(createReadStream(path))
  const head = await bytes.take(magic.length + prefixBytes)
  if (head === undefined || !head.subarray(0, magic.length).equals(magic))
    throw new SealBroken(`${path} is no backup`)
  const prefix = head.subarray(magic.length)
  for (let number = 0; ; number++) {
    const length = (await bytes.take(4))?.readUInt32BE()
    if (length === undefined || length < tagBytes || length > pieceBytesMax + tagBytes) throw broken(path)
    const sealed = await bytes.take(length)
    if (sealed === undefined) throw broken(path)
    const isLast = await bytes.isOver()
    yield opened(sealed, { key, prefix, number, isLast }, path)
    if (isLast) return
  }
}

function opened(sealed: Buffer, place: Place, path: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', keyOf(place.key), nonceOf(place))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()])
  } catch (cause) {
    throw broken(path, cause)
  }
}

const broken = (path: string, cause?: unknown) =>
  new SealBroken(`${path} was changed, cut short, or sealed with another key`, { cause })

const keyOf = (key: string) => createHash('sha256').update('octavo backup').update(key).digest()

function nonceOf({ prefix, number, isLast }: Place): Buffer {
  const place = Buffer.alloc(5)
  place.writeUInt32BE(number)
  place[4] = isLast ? 1 : 0
  return Buffer.concat([prefix, place])
}

/** Takes so many bytes at a time from a stream; undefined when it has not so many. */
export function reader(stream: AsyncIterable<Buffer>) {
  const more = stream[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  const fill = async (length: number) => {
    const parts = [rest]
    let has = rest.length
    while (has < length) {
      const { value, done } = await more.next()
      if (done) break
      parts.push(value)
      has += value.length
    }
    rest = Buffer.concat(parts)
    return has >= length
  }
  return {
    async take(length: number): Promise<Buffer | undefined> {
      if (!(await fill(length))) return undefined
      const taken = rest.subarray(0, length)
      rest = rest.subarray(length)
      return taken
    },
    isOver: async () => !(await fill(1)),
  }
}
