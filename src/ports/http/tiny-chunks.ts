import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** So many pieces may be small: the last of a body, and what a slow line brings. */
const piecesFree = 128
const averageBytesMin = 32

/**
 * Watches the body of a request, whoever reads it, for pieces so small that taking them costs far more than sending
 * them: chunks of one byte, which no program sends.
 * @param refuse called once, when there were too many of them; the rest of what was read is not looked at any more
 */
export function refuseTinyChunks(request: IncomingMessage, refuse: () => void): void {
  let [pieces, bytes, isRefused] = [0, 0, false]
  const push = request.push
  // Node gives each piece to the request here, before it is kept for or handed to anybody.
  request.push = (piece: Buffer | null, encoding) => {
    if (isRefused) return true
    pieces++
    bytes += piece?.length ?? 0
    if (piece === null || pieces <= piecesFree || bytes >= pieces * averageBytesMin)
      return push.call(request, piece, encoding)
    isRefused = true
    stopParsing(request.socket)
    refuse()
    return true
  }
}

/** What the parser of a connection calls for every head and every piece of a body. */
const callbacks = new Set([
  'parserOnHeaders',
  'parserOnHeadersComplete',
  'parserOnBody',
  'parserOnMessageComplete',
])

/**
 * Ends the reading of a connection that will be closed, in the middle of what has already come: one reading holds ten
 * thousand chunks or a thousand requests, and a destroyed connection goes through all of them. Node has no other way, since
 * its parser can be paused between readings alone; where it calls the callbacks otherwise, nothing happens here.
 */
export function stopParsing(socket: Socket): void {
  const { parser } = socket as { parser?: Record<string, unknown> | null }
  if (parser === undefined || parser === null) return
  const taken = Object.entries(parser).filter(
    ([, callback]) => typeof callback === 'function' && callbacks.has(callback.name),
  )
  for (const [name] of taken) parser[name] = undefined
  // Another connection will get this parser.
  socket.once('close', () => {
    for (const [name, callback] of taken) parser[name] = callback
  })
}
