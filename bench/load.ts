import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Figures } from './rounds.ts'

// A process of its own that keeps `connections` requests in flight and prints its figures as JSON. Raw sockets and
// ready-made bytes: the generator must not be what is measured.
const [target = '', connections = '256', seconds = '3', isbnList = ''] = process.argv.slice(2)
const url = new URL(target)
const isbns = isbnList.split(',')
const run = randomBytes(6).toString('hex')
const end = performance.now() + Number(seconds) * 1000
const waits: number[] = []
const statuses = new Map<string, number>()
let sent = 0

function request(): string {
  const isbn = isbns[sent % isbns.length]
  const body = `{"customer":{"name":"Ada Byron","email":"ada@example.org"},"lines":[{"isbn":"${isbn}","quantity":1}]}`
  const key = `${run}-${sent++}`
  return (
    `POST /api/orders HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n` +
    `Idempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** One connection: the next request goes out when the last one is answered. */
function loop(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(url.port), url.hostname)
    socket.setNoDelay(true)
    let received = ''
    let start = 0
    const send = () => {
      start = performance.now()
      if (start >= end) {
        socket.destroy()
        resolve()
      } else socket.write(request())
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const length = wholeAnswer(received)
      if (length === undefined) return
      waits.push(performance.now() - start)
      const status = received.slice(9, 12)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      received = received.slice(length)
      send()
    })
  })
}

/** Bytes of the answer at the start of `received`, once it is all there. */
function wholeAnswer(received: string): number | undefined {
  const head = received.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const length = head + 4 + Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0)
  return received.length >= length ? length : undefined
}

const begun = performance.now()
await Promise.all(Array.from({ length: Number(connections) }, loop))
const elapsed = (performance.now() - begun) / 1000
waits.sort((a, b) => a - b)
const at = (q: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * q))] ?? 0
const figures: Figures = {
  perSecond: waits.length / elapsed,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
  p999Ms: at(0.999),
}
console.log(JSON.stringify({ figures, statuses: Object.fromEntries(statuses) }))
