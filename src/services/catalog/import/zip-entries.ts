import type { FileHandle } from 'node:fs/promises'
import { UnreadableFile } from './source.ts'

export type ZipEntry = {
  name: string
  method: number
  isEncrypted: boolean
  crc: number
  packedBytes: number
  /** Where its local header begins. */
  offset: number
}

const zipEntriesMax = 1_000
const directoryBytesMax = 4 * 1024 * 1024
const endBytes = 22
const commentBytesMax = 65_535
const damaged = 'the ZIP archive is damaged or cut off'

/**
 * The entries of a ZIP archive by its central directory. Source: PKWARE APPNOTE 6.3.10, sections 4.3.12 and 4.3.16.
 * @throws UnreadableFile for a damaged archive, one of several parts, and one with more than `zipEntriesMax` entries
 */
export async function zipEntries(file: FileHandle, size: number): Promise<ZipEntry[]> {
  const tail = await bytesAt(file, Math.max(0, size - endBytes - commentBytesMax), size)
  const at = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (at < 0 || at + endBytes > tail.length) throw new UnreadableFile(damaged)
  const count = tail.readUInt16LE(at + 10)
  const length = tail.readUInt32LE(at + 12)
  const offset = tail.readUInt32LE(at + 16)
  if (tail.readUInt16LE(at + 4) !== 0) throw new UnreadableFile('the ZIP archive is one part of several')
  if (count === 0xffff || offset === 0xffffffff)
    throw new UnreadableFile('the ZIP archive is of a size (ZIP64) that is not read; unpack it first')
  if (count > zipEntriesMax || length > directoryBytesMax)
    throw new UnreadableFile(`the ZIP archive holds more than ${zipEntriesMax} files`)
  if (offset + length > size) throw new UnreadableFile(damaged)
  const directory = await bytesAt(file, offset, offset + length)
  const entries: ZipEntry[] = []
  for (let place = 0, i = 0; i < count; i++) {
    if (place + 46 > directory.length || directory.readUInt32LE(place) !== 0x02014b50)
      throw new UnreadableFile(damaged)
    const nameBytes = directory.readUInt16LE(place + 28)
    const flags = directory.readUInt16LE(place + 8)
    entries.push({
      name: directory.toString('utf8', place + 46, place + 46 + nameBytes),
      method: directory.readUInt16LE(place + 10),
      isEncrypted: (flags & 1) === 1,
      crc: directory.readUInt32LE(place + 16),
      packedBytes: directory.readUInt32LE(place + 20),
      offset: directory.readUInt32LE(place + 42),
    })
    place += 46 + nameBytes + directory.readUInt16LE(place + 30) + directory.readUInt16LE(place + 32)
  }
  return entries
}

async function bytesAt(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from)
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
  return bytes.subarray(0, bytesRead)
}
