/** What a server that streams its log says next. */
export type LogMessage =
  | { kind: 'alive'; position: bigint; wantsAnswer: boolean }
  | { kind: 'change'; position: bigint; change: LogChange }

/** A step of a committed transaction; other kinds tell nothing of rows. */
export type LogChange =
  | { kind: 'row'; table: string; key: string }
  | { kind: 'emptied'; tables: string[] }
  | { kind: 'committed' }
  | { kind: 'other' }

const streamHeadBytes = 25
/** Microseconds of 2000-01-01 since 1970, where the server's clock begins. */
const epochMicros = 946_684_800_000_000n

/**
 * Reads the messages of one stream, in order; it remembers what tables are called.
 * Source: PostgreSQL manual, 54.4 "Streaming Replication Protocol" and 54.9 "Logical Replication Message Formats".
 */
export function logReader(): (chunk: Buffer) => LogMessage {
  const tables = new Map<number, string>()
  return (chunk) => {
    if (chunk[0] === code('k'))
      return { kind: 'alive', position: chunk.readBigUInt64BE(1), wantsAnswer: chunk[17] === 1 }
    return {
      kind: 'change',
      position: chunk.readBigUInt64BE(9),
      change: changeIn(chunk.subarray(streamHeadBytes), tables),
    }
  }
}

function changeIn(message: Buffer, tables: Map<number, string>): LogChange {
  switch (String.fromCharCode(message[0] ?? 0)) {
    case 'R': {
      const [schema, at] = textAt(message, 5)
      tables.set(message.readUInt32BE(1), `${schema}.${textAt(message, at)[0]}`)
      return { kind: 'other' }
    }
    case 'I':
    case 'U':
    case 'D':
      // The last tuple is the row as it is now; where it went, the only one is its key.
      return { kind: 'row', table: tableOf(message.readUInt32BE(1), tables), key: firstColumn(message) }
    case 'T': {
      const ids = Array.from({ length: message.readUInt32BE(1) }, (_, i) => message.readUInt32BE(6 + 4 * i))
      return { kind: 'emptied', tables: ids.map((id) => tableOf(id, tables)) }
    }
    case 'C':
      return { kind: 'committed' }
    default:
      return { kind: 'other' }
  }
}

/** The first column of the first tuple: of an update that changes the key, the row that is there no more. */
function firstColumn(message: Buffer): string {
  const columnAt = 1 + 4 + 1 + 2
  if (message[columnAt] !== code('t')) return ''
  const length = message.readUInt32BE(columnAt + 1)
  return message.toString('utf8', columnAt + 5, columnAt + 5 + length)
}

const tableOf = (id: number, tables: ReadonlyMap<number, string>) => tables.get(id) ?? ''

function textAt(message: Buffer, start: number): [text: string, next: number] {
  const end = message.indexOf(0, start)
  return [message.toString('utf8', start, end), end + 1]
}

/** Tells the server that everything up to a position has been taken, so that it need not keep it. */
export function takenUpTo(position: bigint, nowMs: number): Buffer {
  const message = Buffer.alloc(34)
  message[0] = code('r')
  // Written, flushed and applied are one here.
  for (const at of [1, 9, 17]) message.writeBigUInt64BE(position, at)
  message.writeBigInt64BE(BigInt(Math.trunc(nowMs)) * 1000n - epochMicros, 25)
  return message
}

const code = (letter: string) => letter.charCodeAt(0)
