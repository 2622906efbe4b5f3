import { backoffMs } from '#kernel/backoff'
import { systemClock } from '#ports/clock'
import {
  attemptsMax,
  type Broker,
  BrokerBusy,
  type BrokerOptions,
  BrokerUnavailable,
  checkSize,
  type DeadLetter,
  type Handler,
  inFlightMax,
  type Message,
  MessageUnusable,
  retryBaseMsDefault,
  waitingMax,
} from './broker.ts'

/** A message as a queue keeps it; `atWork` until its handler has answered, `dueMs` while it waits to be tried again. */
type Entry = { message: Message; atWork: boolean; dueMs: number }
type Subscriber = { handler: Handler; atWork: Set<Promise<void>>; isOpen: boolean; retryBaseMs: number }
type Queue = {
  topics: Set<string>
  entries: Set<Entry>
  letters: DeadLetter[]
  subscribers: Subscriber[]
  wakeUp: NodeJS.Timeout | undefined
}
type Listener = { topics: readonly string[]; handler: Handler; last: Promise<void> }
type Place = { queues: Map<string, Queue>; listeners: Set<Listener> }

const retryMaxMs = 60_000
const deadLettersMax = 1_000
const places = new Map<string, Place>()

/** A broker in this process, for tests and simulations: all that are opened by one URL are the same. */
export async function openMemoryBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const place: Place = places.get(url) ?? { queues: new Map(), listeners: new Set() }
  places.set(url, place)
  const retryBaseMs = options.retryBaseMs ?? retryBaseMsDefault
  const opened = new AsyncDisposableStack()
  const checkOpen = () => {
    if (opened.disposed) throw new BrokerUnavailable('the broker was closed')
  }
  return {
    async publish(messages) {
      checkOpen()
      const texts = messages.map(({ payload }) => JSON.stringify(payload) ?? 'null')
      for (const [i, { topic }] of messages.entries()) checkSize(topic, Buffer.byteLength(texts[i] ?? ''))
      for (const { topics, entries } of place.queues.values())
        if (entries.size > waitingMax && messages.some(({ topic }) => topics.has(topic)))
          throw new BrokerBusy(`more than ${waitingMax} messages wait`)
      for (const [i, { topic }] of messages.entries()) deliver(place, topic, texts[i] ?? '')
    },
    async subscribe(name, topics, handler) {
      checkOpen()
      const queue = place.queues.get(name) ?? newQueue()
      place.queues.set(name, queue)
      for (const topic of topics) queue.topics.add(topic)
      const subscriber: Subscriber = { handler, atWork: new Set(), isOpen: true, retryBaseMs }
      queue.subscribers.push(subscriber)
      work(name, queue)
      return opened.use({
        async [Symbol.asyncDispose]() {
          subscriber.isOpen = false
          queue.subscribers = queue.subscribers.filter((each) => each !== subscriber)
          await Promise.all(subscriber.atWork)
        },
      })
    },
    async listen(topics, handler) {
      checkOpen()
      const listener: Listener = { topics, handler, last: Promise.resolve() }
      place.listeners.add(listener)
      return opened.use({
        async [Symbol.asyncDispose]() {
          place.listeners.delete(listener)
          await listener.last
        },
      })
    },
    async waiting(name) {
      return place.queues.get(name)?.entries.size ?? 0
    },
    async deadLetters(name) {
      return (place.queues.get(name)?.letters ?? []).toReversed()
    },
    async clearDeadLetters(name, ids, fate) {
      const queue = place.queues.get(name)
      const chosen = (queue?.letters ?? []).filter(({ id }) => ids.includes(id))
      if (queue === undefined) return 0
      queue.letters = queue.letters.filter((letter) => !chosen.includes(letter))
      for (const { queue: _queue, error: _error, ...message } of fate === 'retry' ? chosen : [])
        queue.entries.add({ message: { ...message, attempt: 1 }, atWork: false, dueMs: 0 })
      work(name, queue)
      return chosen.length
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const newQueue = (): Queue => ({
  ...{ topics: new Set(), entries: new Set(), letters: [], subscribers: [], wakeUp: undefined },
})

/** To each listener on the topic and each queue that it feeds; as text, so that nobody shares what they change. */
function deliver({ queues, listeners }: Place, topic: string, text: string): void {
  const publishedAt = new Date(systemClock.now()).toISOString()
  const id = systemClock.uuid()
  const copy = (): Message => ({ id, topic, payload: JSON.parse(text), publishedAt, attempt: 1 })
  for (const listener of listeners)
    if (listener.topics.includes(topic)) {
      const message = copy()
      // One after the other; a listener that fails has missed that message.
      listener.last = listener.last.then(() => listener.handler(message)).catch(() => {})
    }
  for (const [name, queue] of queues) {
    if (!queue.topics.has(topic)) continue
    queue.entries.add({ message: copy(), atWork: false, dueMs: 0 })
    work(name, queue)
  }
}

/** Hands what is due to whoever has room, the least busy first, and comes back for what is not due yet. */
function work(name: string, queue: Queue): void {
  const nowMs = systemClock.monotonicMs()
  let nextMs = Number.POSITIVE_INFINITY
  for (const entry of queue.entries) {
    if (entry.atWork) continue
    if (entry.dueMs > nowMs) {
      nextMs = Math.min(nextMs, entry.dueMs)
      continue
    }
    const [free] = queue.subscribers
      .filter(({ atWork }) => atWork.size < inFlightMax)
      .sort((a, b) => a.atWork.size - b.atWork.size)
    if (free === undefined) break
    take(name, queue, entry, free)
  }
  clearTimeout(queue.wakeUp)
  if (nextMs < Number.POSITIVE_INFINITY && queue.subscribers.length > 0)
    queue.wakeUp = setTimeout(() => work(name, queue), Math.max(1, nextMs - nowMs)).unref()
}

function take(name: string, queue: Queue, entry: Entry, subscriber: Subscriber): void {
  entry.atWork = true
  const { message } = entry
  // What a handler changes of it is not there when it is tried again.
  const handled = Promise.resolve().then(() => subscriber.handler(structuredClone(message)))
  const done = handled.then(
    () => void queue.entries.delete(entry),
    (error: unknown) => {
      if (error instanceof MessageUnusable || message.attempt >= attemptsMax) {
        queue.entries.delete(entry)
        queue.letters.push({ ...message, queue: name, error: String((error as Error)?.message ?? error) })
        if (queue.letters.length > deadLettersMax) queue.letters.shift()
        return
      }
      const waitMs = backoffMs(message.attempt - 1, systemClock.random(), subscriber.retryBaseMs, retryMaxMs)
      entry.message = { ...message, attempt: message.attempt + 1 }
      entry.dueMs = systemClock.monotonicMs() + waitMs
      entry.atWork = false
    },
  )
  subscriber.atWork.add(done)
  void done.then(() => {
    subscriber.atWork.delete(done)
    work(name, queue)
  })
}
