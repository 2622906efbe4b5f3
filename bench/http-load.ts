import { connect, type Socket } from 'node:net'
import type { Figures } from './rounds.ts'

/**
 * Sends the same request over and over on each of `connections` kept-alive connections, and counts whole answers.
 * It reads no headers: all answers of one run have the length of the first, so that the generator costs little itself.
 */
export async function httpLoad(
  url: string,
  request: string,
  connections: number,
  seconds: number,
): Promise<Figures> {
  const answerBytes = await firstAnswerBytes(url, request)
  const waits: number[] = []
  const start = performance.now()
  const endMs = start + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, () => repeat(url, request, answerBytes, endMs, waits)),
  )
  const elapsed = (performance.now() - start) / 1000
  waits.sort((a, b) => a - b)
  const at = (q: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * q))] ?? 0
  return { perSecond: waits.length / elapsed, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) }
}

const open = (url: string): Socket => {
  const { hostname, port } = new URL(url)
  return connect({ host: hostname, port: Number(port), noDelay: true })
}

async function firstAnswerBytes(url: string, request: string): Promise<number> {
  const socket = open(url)
  socket.write(request)
  let text = ''
  for await (const chunk of socket) {
    text += chunk.toString('latin1')
    const head = text.indexOf('\r\n\r\n')
    if (head === -1) continue
    const length = /content-length: (\d+)/i.exec(text)?.[1]
    if (!/^HTTP\/1\.1 2/.test(text) || length === undefined) throw new Error(`${url}: ${text.slice(0, 200)}`)
    if (text.length >= head + 4 + Number(length)) break
  }
  socket.destroy()
  return text.length
}

function repeat(
  url: string,
  request: string,
  answerBytes: number,
  endMs: number,
  waits: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open(url)
    const bytes = Buffer.from(request)
    let received = 0
    let sentMs = performance.now()
    socket.on('error', reject)
    socket.on('close', resolve)
    socket.on('data', (chunk) => {
      received += chunk.length
      if (received < answerBytes) return
      if (received > answerBytes) reject(new Error('an answer of another length'))
      const now = performance.now()
      waits.push(now - sentMs)
      received = 0
      sentMs = now
      if (now < endMs) socket.write(bytes)
      else socket.destroy()
    })
    socket.write(bytes)
  })
}
