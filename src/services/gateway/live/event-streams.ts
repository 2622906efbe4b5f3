import { Problem, tooMany } from '#kernel/problem'
import { networkOf } from '#ports/http'
import type { Exchange } from '../proxy/exchange.ts'
import { ownHeaders } from '../proxy/own-headers.ts'

/** One open stream of server-sent events. Source: WHATWG HTML, section 9.2. */
export type EventStream = {
  readonly isOpen: boolean
  /** Sends lines that `eventText` made. */
  send(text: string): void
  close(): void
}

export type EventStreams = {
  /** @throws Problem 429 or 503 when there are too many already */
  check(exchange: Exchange): void
  /** Starts the stream; `onClose` is called once, however it ends. @throws Problem as `check` does */
  open(exchange: Exchange, onClose: () => void): EventStream
  closeAll(): void
  readonly count: number
}

export type StreamLimits = { streamsMax: number; perAddressMax: number; heartbeatMs: number }
export const streamLimits: StreamLimits = { streamsMax: 10_000, perAddressMax: 1_000, heartbeatMs: 15_000 }

/** What a reader may leave unread before it is dropped; it comes back and is told the current state. */
const unreadBytesMax = 64 * 1024
/** Streams are reminded in so many parts, one after the other: two thousand writes at once take 50 ms of the event loop. */
const parts = 100
const retryMs = 2_000

/** @param isBehindProxy whether all streams come from the address of a proxy, which then keeps its readers apart */
export function createEventStreams(limits: StreamLimits, isBehindProxy: boolean): EventStreams {
  const streams = new Set<EventStream>()
  const byPart = Array.from({ length: parts }, () => new Set<EventStream>())
  let [opened, reminded] = [0, 0]
  const perAddress = new Map<string, number>()
  const heartbeat = setInterval(() => {
    for (const stream of byPart[reminded++ % parts] ?? []) stream.send(':\n\n')
  }, limits.heartbeatMs / parts)
  heartbeat.unref()
  let isClosing = false
  const check = ({ client }: Exchange) => {
    if (isClosing || streams.size >= limits.streamsMax)
      throw new Problem(503, 'unavailable', 'Too many live pages are open.', {}, { 'retry-after': '5' })
    const fromAddress = perAddress.get(networkOf(client)) ?? 0
    if (!isBehindProxy && fromAddress >= limits.perAddressMax)
      throw tooMany('Too many live pages are open from your address.', 5)
  }
  return {
    check,
    open(exchange, onClose) {
      check(exchange)
      const address = networkOf(exchange.client)
      perAddress.set(address, (perAddress.get(address) ?? 0) + 1)
      const stream = startStream(exchange)
      streams.add(stream)
      const part = byPart[opened++ % parts]
      part?.add(stream)
      exchange.response.on('close', () => {
        streams.delete(stream)
        part?.delete(stream)
        const left = (perAddress.get(address) ?? 1) - 1
        if (left === 0) perAddress.delete(address)
        else perAddress.set(address, left)
        onClose()
      })
      return stream
    },
    closeAll() {
      isClosing = true
      clearInterval(heartbeat)
      for (const stream of streams) stream.close()
    },
    get count() {
      return streams.size
    },
  }
}

function startStream(exchange: Exchange): EventStream {
  const { request, response } = exchange
  exchange.expiresMs = Number.POSITIVE_INFINITY
  response.writeHead(200, [
    ...ownHeaders(exchange),
    ...['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-store, no-transform'],
    ...['x-accel-buffering', 'no'],
  ])
  const stream: EventStream = {
    get isOpen() {
      return !response.destroyed && !response.writableEnded
    },
    send(text) {
      if (!stream.isOpen) return
      if (response.writableLength > unreadBytesMax) response.destroy()
      else response.write(text)
    },
    close() {
      if (stream.isOpen) response.end()
    },
  }
  if (request.method === 'HEAD') response.end()
  else stream.send(`retry: ${retryMs}\n\n`)
  return stream
}

/** One event on the wire; JSON never contains a line break. */
export function eventText(event: string, data: unknown, id?: string | number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
