import { backoffMs } from '#kernel/backoff'
import {
  attemptsMax,
  type Broker,
  BrokerBusy,
  type BrokerOptions,
  type DeadLetter,
  type Handler,
  type Message,
} from './port.ts'

/** What one `memory:` URL stands for within a process. */
type Hub = {
  lastId: number
  queues: Map<string, MemoryQueue>
  listeners: Set<{ topics: ReadonlySet<string>; handler: Handler }>
}
type MemoryQueue = {
  topics: Set<string>
  waiting: Message[]
  subscribers: Set<Handler>
  dead: DeadLetter[]
  turn: number
}

const hubs = new Map<string, Hub>()

/** A broker for tests, within one process: brokers opened on the same URL share it, and nothing outlives the process. */
export async function openMemoryBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const hub = hubs.get(url) ?? { lastId: 0, queues: new Map(), listeners: new Set() }
  hubs.set(url, hub)
  const retryBaseMs = options.retryBaseMs ?? 500
  const opened = new Set<AsyncDisposable>()
  let closed = false
  const untilDisposed = (end: () => unknown): AsyncDisposable => {
    const part = {
      async [Symbol.asyncDispose]() {
        opened.delete(part)
        await end()
      },
    }
    opened.add(part)
    return part
  }
  return {
    async publish(messages) {
      if (closed) throw new BrokerBusy('the broker is closed')
      for (const { topic, payload } of messages) {
        const message: Message = {
          id: String(++hub.lastId),
          topic,
          attempt: 0,
          payload: JSON.parse(JSON.stringify(payload) ?? 'null'),
          publishedAt: new Date().toISOString(),
        }
        for (const listener of hub.listeners)
          if (listener.topics.has(topic)) void settled(listener.handler, { ...message, attempt: 1 })
        for (const [name, queue] of hub.queues)
          if (queue.topics.has(topic)) enqueue(name, queue, message, retryBaseMs)
      }
    },
    async subscribe(name, topics, handler) {
      const queue = hub.queues.get(name) ?? {
        topics: new Set(),
        waiting: [],
        subscribers: new Set(),
        dead: [],
        turn: 0,
      }
      hub.queues.set(name, queue)
      for (const topic of topics) queue.topics.add(topic)
      const atWork = new Set<Promise<void>>()
      const tracked: Handler = async (message) => {
        const work = handler(message)
        atWork.add(work)
        await work.finally(() => atWork.delete(work))
      }
      queue.subscribers.add(tracked)
      setImmediate(() => deliver(name, queue, retryBaseMs))
      return untilDisposed(() => {
        queue.subscribers.delete(tracked)
        return Promise.allSettled(atWork)
      })
    },
    async listen(topics, handler) {
      const listener = { topics: new Set(topics), handler }
      hub.listeners.add(listener)
      return untilDisposed(() => hub.listeners.delete(listener))
    },
    deadLetters: async (name) => [...(hub.queues.get(name)?.dead ?? [])].reverse(),
    async [Symbol.asyncDispose]() {
      closed = true
      for (const part of [...opened]) await part[Symbol.asyncDispose]()
    },
  }
}

function enqueue(name: string, queue: MemoryQueue, message: Message, retryBaseMs: number): void {
  queue.waiting.push(message)
  setImmediate(() => deliver(name, queue, retryBaseMs))
}

/** Hands what waits to the subscribers in turn. */
function deliver(name: string, queue: MemoryQueue, retryBaseMs: number): void {
  const subscribers = [...queue.subscribers]
  if (subscribers.length === 0) return
  for (const waiting of queue.waiting.splice(0)) {
    const handler = subscribers[queue.turn++ % subscribers.length] as Handler
    const message = { ...waiting, attempt: waiting.attempt + 1 }
    void settled(handler, message).then((error) => {
      if (error === undefined) return
      if (message.attempt >= attemptsMax) queue.dead.push({ ...message, queue: name, error })
      else
        setTimeout(
          enqueue,
          backoffMs(message.attempt - 1, 1, retryBaseMs),
          name,
          queue,
          message,
          retryBaseMs,
        ).unref()
    })
  }
}

/** What the handler threw, in words. */
async function settled(handler: Handler, message: Message): Promise<string | undefined> {
  try {
    await handler(message)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
