import { connect, type Socket } from 'node:net'
import { type Figures, figuresOf } from './rounds.ts'

export type HttpLoad = { figures: Figures; statuses: Record<string, number> }

/**
 * Keeps one request in flight on each of `connections` kept-alive connections, over raw sockets and with ready-made
 * text: the generator must not be what is measured.
 * @param nextRequest the whole text of the next request
 */
export async function httpLoad(
  url: string,
  nextRequest: () => string,
  connections: number,
  seconds: number,
): Promise<HttpLoad> {
  const waits: number[] = []
  const statuses: Record<string, number> = {}
  const start = performance.now()
  const end = start + seconds * 1000
  const loop = () => repeat(new URL(url), nextRequest, end, waits, statuses)
  await Promise.all(Array.from({ length: connections }, loop))
  return { figures: figuresOf(waits, performance.now() - start), statuses }
}

function repeat(
  url: URL,
  nextRequest: () => string,
  end: number,
  waits: number[],
  statuses: Record<string, number>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    let received = ''
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      if (sentAt < end) socket.write(nextRequest())
      else {
        socket.destroy()
        resolve()
      }
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (!isWhole(received)) return
      waits.push(performance.now() - sentAt)
      const status = received.slice(9, 12)
      statuses[status] = (statuses[status] ?? 0) + 1
      received = ''
      send()
    })
  })
}

/** Whether a whole answer has arrived: one request is in flight, so nothing can follow it. */
function isWhole(received: string): boolean {
  const head = received.indexOf('\r\n\r\n')
  if (head < 0) return false
  return received.length >= head + 4 + Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0)
}
