import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/** A stranger in a thread of its own, so that what it does costs the watched event loop nothing. */

const answerLimitMs = 15_000
const { port } = workerData as { port: number }

parentPort?.on('message', async (bytes: Uint8Array) => {
  parentPort?.postMessage(await send(Buffer.from(bytes)))
})

/** @returns the status of the first answer, 0 when the connection ended without one */
function send(bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1')
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0))
    }
    const timer = setTimeout(end, answerLimitMs)
    socket.on('data', (chunk: Buffer) => {
      if (text.length < 20) text += chunk.toString('latin1')
      // A stream of events never ends, nor does a connection that was asked to stay.
      if (/^HTTP\/1\.1 \d{3}/.test(text)) end()
    })
    socket.on('close', end)
    socket.on('error', end)
    socket.write(bytes)
  })
}
