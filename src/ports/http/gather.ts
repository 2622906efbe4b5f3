import type { IncomingMessage } from 'node:http'

export type GatherLimit = {
  bytesMax: number
  /** Called once, instead of `onWhole`; the rest is for the caller to drop. */
  onOver: () => void
}

/**
 * Gathers a small body. Never calls back when its sender goes away first.
 * @param limit for a body that does not say its length, or whose length was not looked at
 */
export function gather(request: IncomingMessage, onWhole: (body: Buffer) => void, limit?: GatherLimit): void {
  let chunks: Buffer[] | undefined
  let first: Buffer | undefined
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (limit !== undefined && bytes > limit.bytesMax) {
      if (bytes - chunk.length <= limit.bytesMax) limit.onOver()
      chunks = undefined
    } else if (first === undefined) first = chunk
    else {
      chunks ??= [first]
      chunks.push(chunk)
    }
  })
  request.on('end', () => {
    if (limit !== undefined && bytes > limit.bytesMax) return
    onWhole(chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks))
  })
  // A client that has gone waits for no answer.
  request.on('error', () => {})
}
