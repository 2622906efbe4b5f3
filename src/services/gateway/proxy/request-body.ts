import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Bodies up to this size are gathered before they are sent on, so that they can be sent again. */
export const wholeBytesMax = 64 * 1024

/** The sender told of less than it sent on, or nothing, and went over the route's limit. */
export class BodyTooLarge extends Error {
  override name = 'BodyTooLarge'
}
/** The sender went away in the middle. */
export class SenderGone extends Error {
  override name = 'SenderGone'
}

export const isBodyStream = (body: Buffer | BodyStream | null): body is BodyStream =>
  body instanceof BodyStream

/**
 * A request's body for one upstream. undici destroys the stream it is given when an exchange ends early; this one
 * takes that without closing the caller's connection, and counts bytes on the way.
 */
export class BodyStream extends Readable {
  readonly #request: IncomingMessage
  readonly #bytesMax: number
  readonly #onProgress: () => void
  #bytes = 0
  #started = false
  /** What came in this turn of the event loop: sent on together, however small its pieces were. */
  #arrived: Buffer[] = []
  #passing: NodeJS.Immediate | undefined

  constructor(request: IncomingMessage, bytesMax: number, onProgress: () => void) {
    super()
    this.#request = request
    this.#bytesMax = bytesMax
    this.#onProgress = onProgress
  }

  /** Whether any of it may have been sent on. */
  get started(): boolean {
    return this.#started
  }

  override _read(): void {
    const request = this.#request
    if (!this.#started) {
      this.#started = true
      request.on('data', this.#onData)
      request.on('end', this.#onEnd)
      request.on('close', this.#onClose)
      request.on('error', this.#onClose)
    }
    request.resume()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const request = this.#request
    request.off('data', this.#onData)
    request.off('end', this.#onEnd)
    request.off('close', this.#onClose)
    clearImmediate(this.#passing)
    callback(error)
  }

  #pass(): void {
    this.#passing = undefined
    const [first, ...more] = this.#arrived
    if (first === undefined) return
    this.#arrived = []
    if (!this.push(more.length === 0 ? first : Buffer.concat([first, ...more]))) this.#request.pause()
  }

  readonly #onData = (chunk: Buffer) => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#bytesMax) this.destroy(new BodyTooLarge('the body is too large'))
    else {
      this.#arrived.push(chunk)
      if (this.#passing !== undefined) return
      this.#onProgress()
      this.#passing = setImmediate(() => this.#pass())
    }
  }
  readonly #onEnd = () => {
    this.#onProgress()
    clearImmediate(this.#passing)
    this.#pass()
    this.push(null)
  }
  readonly #onClose = () => {
    if (!this.#request.complete) this.destroy(new SenderGone('the sender went away'))
  }
}
