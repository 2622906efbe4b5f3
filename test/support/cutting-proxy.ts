import { connect, createServer, type Socket } from 'node:net'
import type { TestScope } from './database.ts'

/** Stands between a client and a server on this machine. */
export type CuttingProxy = {
  port: number
  /** Cuts every connection there is. */
  cut(): void
  /** Cuts them and lets nobody through until it is opened again. */
  close(isClosed: boolean): void
}

export async function openCuttingProxy(t: TestScope, target: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let isClosed = false
  const server = createServer((client) => {
    if (isClosed) return void client.destroy()
    const upstream = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.after(() => {
    cut()
    server.close()
  })
  const close = (closed: boolean) => {
    isClosed = closed
    if (closed) cut()
  }
  return { port: (server.address() as { port: number }).port, cut, close }
}
