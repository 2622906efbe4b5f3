/** Topics and queues. Delivery is at least once: a handler must tolerate a message it has seen. */
export type Broker = AsyncDisposable & {
  /** Resolves when every message is durable in the broker. */
  publish(messages: readonly NewMessage[]): Promise<void>
  /**
   * A durable queue fed by `topics`: each message goes to one subscriber of `queue`, is retried with backoff when the
   * handler throws, and ends in the dead letters after `attemptsMax`.
   */
  subscribe(queue: string, topics: readonly string[], handler: Handler): Promise<AsyncDisposable>
  /** Every message on `topics` from now on, to this subscriber alone; nothing is kept for it while it is away. */
  listen(topics: readonly string[], handler: Handler): Promise<AsyncDisposable>
  /** Messages that a queue gave up on, newest first. */
  deadLetters(queue: string): Promise<DeadLetter[]>
}

export type NewMessage = { topic: string; payload: unknown }
export type Message = { id: string; topic: string; payload: unknown; publishedAt: string; attempt: number }
export type DeadLetter = Message & { queue: string; error: string }
export type Handler = (message: Message) => Promise<void>

export const attemptsMax = 8
