import type { PackedList } from './packed-list.ts'

const headLengthBytes = 4

type Head = { head: unknown; lists: [count: number, bytes: number][] }

/** A message of something in JSON and lists that are not: the head behind its length, then the lists as they are. */
export function encodeFrame(head: unknown, lists: readonly PackedList[]): Buffer {
  const text = Buffer.from(
    JSON.stringify({ head, lists: lists.map(({ count, bytes }) => [count, bytes.length]) } satisfies Head),
  )
  const length = Buffer.allocUnsafe(headLengthBytes)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, ...lists.map((list) => list.bytes)])
}

/** @throws Error when the bytes are not what `encodeFrame` makes */
export function decodeFrame(message: Uint8Array): { head: unknown; lists: PackedList[] } {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  let offset = headLengthBytes + bytes.readUInt32BE(0)
  const { head, lists } = JSON.parse(bytes.toString('utf8', headLengthBytes, offset)) as Head
  const unpacked = lists.map(([count, length]): PackedList => {
    offset += length
    return { count, bytes: bytes.subarray(offset - length, offset) }
  })
  if (offset !== bytes.length) throw new Error('a frame is as long as its head says')
  return { head, lists: unpacked }
}
