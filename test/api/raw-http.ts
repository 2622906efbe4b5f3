import { connect } from 'node:net'
import type { Reply } from './client.ts'

const limitMs = 10_000

/**
 * Sends bytes that no client library would, over a connection of their own.
 * @returns the one answer, or undefined when the connection was closed without one
 */
export function sendRaw(url: string, request: string | Buffer): Promise<Reply | undefined> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname)
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(parsed(Buffer.concat(chunks)))
    }
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no answer within ${limitMs} ms to ${String(request).slice(0, 200)}`))
    }, limitMs)
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (isWhole(Buffer.concat(chunks).toString('latin1'))) end()
    })
    socket.on('close', end)
    socket.on('error', end)
    socket.write(request)
  })
}

function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n')
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1]
  return head !== -1 && length !== undefined && text.length >= head + 4 + Number(length)
}

function parsed(bytes: Buffer): Reply | undefined {
  if (bytes.length === 0) return undefined
  const all = bytes.toString('utf8')
  const [head = '', text = ''] = [all.split('\r\n\r\n', 1)[0], all.slice(all.indexOf('\r\n\r\n') + 4)]
  const headers = new Headers()
  for (const each of head.split('\r\n').slice(1)) {
    const colon = each.indexOf(':')
    headers.append(each.slice(0, colon), each.slice(colon + 1).trim())
  }
  const isJson = /json/.test(headers.get('content-type') ?? '')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
  return { status, headers, text, body: isJson ? JSON.parse(text) : undefined }
}
