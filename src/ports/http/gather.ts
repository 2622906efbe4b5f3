import type { IncomingMessage } from 'node:http'

/** Gathers a small body of known length. Never calls back when its sender goes away first. */
export function gather(request: IncomingMessage, onWhole: (body: Buffer) => void): void {
  let chunks: Buffer[] | undefined
  let first: Buffer | undefined
  request.on('data', (chunk: Buffer) => {
    if (first === undefined) first = chunk
    else {
      chunks ??= [first]
      chunks.push(chunk)
    }
  })
  request.on('end', () => onWhole(chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks)))
  request.on('error', () => {})
}
