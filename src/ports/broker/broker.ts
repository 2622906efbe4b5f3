import { Unavailable } from '#kernel/unavailable'

/** Topics and queues. Delivery is at least once: a handler must tolerate a message it has seen. */
export type Broker = AsyncDisposable & {
  /**
   * Resolves when every message is durable in the broker. When it rejects the messages may still arrive: publish again.
   * @throws BrokerBusy when more is waiting than the broker takes
   * @throws MessageTooLarge, of which none was taken
   * @throws BrokerUnavailable when the broker is away, or was closed
   */
  publish(messages: readonly NewMessage[]): Promise<void>
  /**
   * A durable queue fed by `topics`: each message goes to one subscriber of `queue`, is retried with backoff when the
   * handler throws, and ends in the dead letters after `attemptsMax`, or at once when it throws MessageUnusable. A subscriber has `inFlightMax` at work at a time, and
   * leaves the rest to others. The queue and its topics stay when nobody subscribes.
   * Disposing waits for the handlers at work.
   */
  subscribe(queue: string, topics: readonly string[], handler: Handler): Promise<AsyncDisposable>
  /** Every message on `topics` from now on, to this subscriber alone; nothing is kept for it while it is away. */
  listen(topics: readonly string[], handler: Handler): Promise<AsyncDisposable>
  /** How many messages of a queue are not done: that wait, are at work or will be tried again; counted up to a limit. */
  waiting(queue: string): Promise<number>
  /** Messages that a queue gave up on, newest first. */
  deadLetters(queue: string): Promise<DeadLetter[]>
  /**
   * Gives dead letters back to their queue, to be tried as if they were new, or throws them away.
   * @returns how many of them there were
   */
  clearDeadLetters(queue: string, ids: readonly string[], fate: DeadLetterFate): Promise<number>
}

export type NewMessage = { topic: string; payload: unknown }
/** `attempt` counts from 1; a listener's is always 1. */
export type Message = { id: string; topic: string; payload: unknown; publishedAt: string; attempt: number }
export type DeadLetter = Message & { queue: string; error: string }
export type DeadLetterFate = 'retry' | 'discard'
export type Handler = (message: Message) => Promise<void>

export const attemptsMax = 8

/** Messages of a queue that one subscriber works on at a time. */
export const inFlightMax = 64

/** Messages that one process may have waiting to be published, and their bytes beyond which no other joins them. */
export const waitingMax = 50_000
export const waitingBytesMax = 64 * 1024 * 1024

/** Of one message as JSON. Ours have some hundred; what is large belongs into the object store. */
export const messageBytesMax = 1024 * 1024

export type BrokerOptions = {
  applicationName: string
  /** Longest wait before the first retry of a failed message; each further one may wait twice as long. */
  retryBaseMs?: number
}

export const retryBaseMsDefault = 500

/** The broker is away, or was closed: whether it took the messages is unknown. */
export class BrokerUnavailable extends Unavailable {
  override name = 'BrokerUnavailable'
}

/** More messages wait to be published than the limit allows; none of these was taken. */
export class BrokerBusy extends Unavailable {
  override name = 'BrokerBusy'
}

/** A message that no broker takes, however often it is tried. */
export class MessageTooLarge extends RangeError {
  override name = 'MessageTooLarge'
}

/** What a handler throws of a message that it can never make anything of; its text is the reason that is kept. */
export class MessageUnusable extends Error {
  override name = 'MessageUnusable'
}

/** @throws MessageTooLarge */
export function checkSize(topic: string, bytes: number): void {
  if (bytes > messageBytesMax)
    throw new MessageTooLarge(`a message on "${topic}" has ${bytes} bytes; the most is ${messageBytesMax}`)
}
