import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { stopParsing } from './tiny-chunks.ts'

type Turn = { request: IncomingMessage; response: ServerResponse }
type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** Requests that one connection may send ahead of their answers; a browser sends none. */
const aheadMax = 64

/**
 * Takes the requests of one connection one after the other. HTTP/1.1 lets a client send many ahead of their answers,
 * which go out in that order anyway: begun all at once they would only take the place of other clients' requests.
 * Source: RFC 9112 section 9.3.2.
 */
export function oneAtATime(handle: Handle): Handle {
  const waiting = new WeakMap<Socket, Turn[]>()
  const begin = ({ request, response }: Turn) => {
    response.once('close', () => next(request.socket))
    handle(request, response)
  }
  const next = (socket: Socket) => {
    const turns = waiting.get(socket)
    if (turns === undefined) return
    const turn = socket.destroyed ? undefined : turns.shift()
    if (turn === undefined) waiting.delete(socket)
    else begin(turn)
  }
  return (request, response) => {
    const { socket } = request
    const turns = waiting.get(socket)
    if (turns === undefined) {
      waiting.set(socket, [])
      begin({ request, response })
    } else if (turns.length >= aheadMax) {
      stopParsing(socket)
      socket.destroy()
    } else turns.push({ request, response })
  }
}
