/** Topics and queues. Delivery is at least once: a handler must tolerate a message it has seen. */
export type Broker = AsyncDisposable & {
  /**
   * Resolves when every message is durable in the broker. When it rejects the messages may still arrive: publish again.
   * @throws BrokerBusy when more is waiting than the broker takes
   */
  publish(messages: readonly NewMessage[]): Promise<void>
  /**
   * A durable queue fed by `topics`: each message goes to one subscriber of `queue`, is retried with backoff when the
   * handler throws, and ends in the dead letters after `attemptsMax`. The queue and its topics stay when nobody subscribes.
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

/** Messages that one process may have waiting to be published. */
export const waitingMax = 50_000

export type BrokerOptions = {
  applicationName: string
  /** Longest wait before the first retry of a failed message; each further one may wait twice as long. */
  retryBaseMs?: number
}

/** More messages wait to be published than the limit allows. */
export class BrokerBusy extends Error {
  override name = 'BrokerBusy'
}

/** @throws Error naming the schemes that exist when the URL has another one */
export async function openBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const scheme = url.split(':', 1)[0] ?? ''
  switch (scheme) {
    case 'postgres':
    case 'postgresql':
      return (await import('./postgres.ts')).openPostgresBroker(url, options)
    case 'memory':
      return (await import('./memory.ts')).openMemoryBroker(url, options)
    default:
      throw new Error(`no broker adapter for "${scheme}:"; use postgres://… or memory:`)
  }
}
