import { connect, type Socket } from 'node:net'

/**
 * Strangers of three kinds, in a process of their own: `node besiegers.ts URL`. Some open connections and hardly ever say
 * anything more; some ask for long lists, many ahead on each connection; two send the worst bodies that an order may have.
 * Tells its parent when all of them are there.
 */
const { hostname, port } = new URL(process.argv[2] ?? '')
const [halfOpen, listing, ahead] = [2_000, 100, 20]
const dripMs = 3_000
const againMs = 200

let [opened, told] = [0, false]

for (let i = 0; i < halfOpen; i++) setTimeout(() => linger(i), Math.floor(i / 50) * 10)
for (let i = 0; i < listing; i++) list(i)
for (const body of worstBodies()) send(body)

function open(onOpen: (socket: Socket) => void, again: () => void): void {
  const socket = connect(Number(port), hostname, () => onOpen(socket))
  socket.on('error', () => {})
  socket.on('close', () => setTimeout(again, againMs))
}

/** Half of a head, or half of a body, and then a letter now and then. */
function linger(i: number): void {
  const head =
    'POST /api/orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nidempotency-key: '
  const start =
    i % 2 === 0 ? head : `${head}linger-${i}-${Date.now()}\r\ncontent-length: 4000\r\n\r\n{"lines":[`
  open(
    (socket) => {
      socket.write(start)
      const dripping = setInterval(() => socket.write(' '), dripMs)
      socket.on('close', () => clearInterval(dripping))
      if (++opened < halfOpen || told) return
      told = true
      process.send?.('here')
    },
    () => linger(i),
  )
}

function list(i: number): void {
  let asked = 0
  const ask = () =>
    Array.from(
      { length: ahead },
      () => `GET /api/books?limit=100&q=book${i}x${asked++} HTTP/1.1\r\nhost: shop\r\n\r\n`,
    ).join('')
  open(
    (socket) => {
      let left = ahead
      socket.write(ask())
      socket.on('data', (chunk: Buffer) => {
        left -= chunk.toString('latin1').split('HTTP/1.1 ').length - 1
        if (left > 0) return
        left = ahead
        socket.write(ask())
      })
    },
    () => list(i),
  )
}

function worstBodies(): string[] {
  const size = 16_000
  const keys = Array.from({ length: size / 8 }, (_, i) => `"${i.toString(36)}":0`).join()
  return [`{"lines":[${Array.from({ length: size / 3 }, () => '{}').join()}]}`, `{${keys}}`]
}

function send(body: string): void {
  const next = () =>
    `POST /api/orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nidempotency-key: worst-${Math.random()}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  open(
    (socket) => {
      socket.write(next())
      socket.on('data', () => socket.write(next()))
    },
    () => send(body),
  )
}
