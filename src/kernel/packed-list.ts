/**
 * A list of byte strings in one run of bytes, each behind its length (32 bits, big-endian). The elements of
 * PostgreSQL's binary arrays look like this, so a list that came over the network becomes a parameter as it is.
 */
export type PackedList = { count: number; bytes: Buffer }

const lengthBytes = 4
const uuidBytes = 16
const packedUuidBytes = lengthBytes + uuidBytes

/** @throws Error when one of them is no UUID */
export function packUuids(uuids: readonly string[]): PackedList {
  const bytes = Buffer.allocUnsafe(uuids.length * packedUuidBytes)
  let offset = 0
  for (const uuid of uuids) {
    bytes.writeInt32BE(uuidBytes, offset)
    writeUuid(bytes, uuid, offset + lengthBytes)
    offset += packedUuidBytes
  }
  return { count: uuids.length, bytes }
}

/** Texts as UTF-8. */
export function packTexts(texts: readonly string[]): PackedList {
  let bytesMax = 0
  for (const text of texts) bytesMax += lengthBytes + text.length * 3
  const bytes = Buffer.allocUnsafe(bytesMax)
  let offset = 0
  for (const text of texts) {
    const written = bytes.write(text, offset + lengthBytes)
    bytes.writeInt32BE(written, offset)
    offset += lengthBytes + written
  }
  return { count: texts.length, bytes: bytes.subarray(0, offset) }
}

/** Bytes as they are. */
export function packBytes(all: readonly Uint8Array[]): PackedList {
  const parts = all.flatMap((each) => {
    const length = Buffer.allocUnsafe(lengthBytes)
    length.writeInt32BE(each.length)
    return [length, each]
  })
  return { count: all.length, bytes: Buffer.concat(parts) }
}

/** The elements of a list, where they lie. */
export function unpackBytes({ count, bytes }: PackedList): Buffer[] {
  let offset = 0
  return Array.from({ length: count }, () => {
    const start = offset + lengthBytes
    offset = start + bytes.readInt32BE(offset)
    return bytes.subarray(start, offset)
  })
}

/** Values of hex digits by character code; -1 elsewhere. */
const digitOf = new Int8Array(128).fill(-1)
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  digitOf[digit.charCodeAt(0)] = value
  digitOf[digit.toUpperCase().charCodeAt(0)] = value
}
const hyphen = '-'.charCodeAt(0)

/** Decodes in place of `Buffer.write(…, 'hex')`, which would first need a copy of the text without its hyphens. */
function writeUuid(bytes: Buffer, uuid: string, offset: number): void {
  let at = offset
  for (let i = 0; i < uuid.length; i += 2) {
    if (uuid.charCodeAt(i) === hyphen) i++
    const value = ((digitOf[uuid.charCodeAt(i)] ?? -1) << 4) | (digitOf[uuid.charCodeAt(i + 1)] ?? -1)
    if (value < 0 || at === offset + uuidBytes) throw new Error(`not a UUID: ${uuid}`)
    bytes[at++] = value
  }
  if (at !== offset + uuidBytes) throw new Error(`not a UUID: ${uuid}`)
}
