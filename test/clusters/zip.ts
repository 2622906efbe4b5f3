import { inflateRawSync } from 'node:zlib'

const endSignature = 0x06054b50
const entrySignature = 0x02014b50
const endBytes = 22
const stored = 0
const deflated = 8

/**
 * The files of a zip archive, each unpacked when asked for. No encryption, no ZIP64.
 * Source: PKWARE's APPNOTE.TXT, 4.3.
 * @throws TypeError when it is no such archive
 */
export function readZip(archive: Buffer): Map<string, () => Buffer> {
  let end = archive.length - endBytes
  while (end >= 0 && archive.readUInt32LE(end) !== endSignature) end--
  if (end < 0) throw new TypeError('no end of a zip archive found')
  const files = new Map<string, () => Buffer>()
  let at = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== entrySignature) throw new TypeError('a broken zip archive')
    const method = archive.readUInt16LE(at + 10)
    const packedBytes = archive.readUInt32LE(at + 20)
    const nameBytes = archive.readUInt16LE(at + 28)
    const start = archive.readUInt32LE(at + 42)
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes)
    files.set(name, () => unpack(archive, start, packedBytes, method))
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  return files
}

function unpack(archive: Buffer, start: number, packedBytes: number, method: number): Buffer {
  const from = start + 30 + archive.readUInt16LE(start + 26) + archive.readUInt16LE(start + 28)
  const packed = archive.subarray(from, from + packedBytes)
  if (method === stored) return packed
  if (method === deflated) return inflateRawSync(packed)
  throw new TypeError(`zip method ${method} is not read here`)
}
