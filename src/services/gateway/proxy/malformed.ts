import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Problem } from '#kernel/problem'
import { httpsOnly } from './own-headers.ts'

type ParserFault = Error & { code?: string; rawPacket?: Buffer }

/** A body came in pieces that cost more to take than to send. */
export class TinyChunks extends Error {
  override name = 'TinyChunks'
}

/** Answers what could not be read as HTTP, on the bare socket, and closes it. @returns the status; 0 where nobody hears */
export function answerMalformed(error: ParserFault, socket: Duplex, isSecure: boolean): number {
  // Node has taken its own listener off a socket that asked for CONNECT, and one without any ends the process.
  socket.on('error', () => {})
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return 0
  }
  const problem = problemOf(error, socket)
  const body = JSON.stringify(problem.toBody(''))
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.message.replace(/[^ -~]/g, '')}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${randomUUID()}`,
      'cache-control: no-store',
      'x-content-type-options: nosniff',
      ...(isSecure ? [`strict-transport-security: ${httpsOnly}`] : []),
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  )
  // Whoever goes on sending garbage does not get to keep the socket.
  setTimeout(() => socket.destroy(), 2_000).unref()
  return problem.status
}

function problemOf(error: ParserFault, socket: Duplex): Problem {
  if (error instanceof TinyChunks)
    return new Problem(400, 'tiny-chunks', 'The body comes in pieces of a few bytes; send it in larger ones.')
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return isInFirstLine(error.rawPacket, (socket as Socket).bytesRead)
        ? new Problem(414, 'uri-too-long', 'The address is too long.')
        : new Problem(431, 'headers-too-large', 'The headers are too large.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem(408, 'request-timeout', 'The request took too long to arrive.')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Problem(413, 'body-too-large', 'The chunk extensions are too large.')
    default:
      return new Problem(400, 'bad-request', 'This is not a well-formed HTTP/1.1 request.')
  }
}

/**
 * Whether the packet that broke the limit has not got past its request line. Of a later packet nobody can tell, and
 * 431 covers the request line as well.
 */
function isInFirstLine(packet: Buffer | undefined, bytesRead: number): boolean {
  if (packet === undefined || packet.length < bytesRead) return false
  const end = packet.indexOf('\r\n')
  return end === -1 ? !packet.includes(': ') : end > 8 * 1024
}
