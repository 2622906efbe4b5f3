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

/** What one URL stands for in this process: brokers that are opened on it share it, and it outlives them. */
type House = { queues: Map<string, Queue>; listeners: Set<Listener>; published: number }
type Listener = { topics: ReadonlySet<string>; handler: Handler }
type Queue = {
  name: string
  topics: Set<string>
  /** `attempt` is how often each was tried. */
  waiting: Message[]
  consumers: Consumer[]
  dead: DeadLetter[]
}
type Consumer = { handler: Handler; atWork: Set<Promise<void>>; retryBaseMs: number }

const houses = new Map<string, House>()
const deadLettersMax = 1_000

/** A broker for tests, within one process. */
export async function openMemoryBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const { retryBaseMs = retryBaseMsDefault } = options
  const house: House = houses.get(url) ?? { queues: new Map(), listeners: new Set(), published: 0 }
  houses.set(url, house)
  const subscriptions = new Set<AsyncDisposable>()
  let isClosed = false

  const subscription = (end: () => unknown): AsyncDisposable => {
    const one = {
      async [Symbol.asyncDispose]() {
        subscriptions.delete(one)
        await end()
      },
    }
    subscriptions.add(one)
    return one
  }

  return {
    async publish(messages) {
      if (isClosed) throw new BrokerUnavailable('the broker is closed')
      for (const { topic, payload } of messages)
        checkSize(topic, Buffer.byteLength(JSON.stringify(payload) ?? 'null'))
      const queues = [...house.queues.values()]
      if (queues.some(({ waiting }) => waiting.length + messages.length > waitingMax))
        throw new BrokerBusy(`more than ${waitingMax} messages wait to be taken`)
      for (const { topic, payload } of messages) spread(house, topic, JSON.stringify(payload) ?? 'null')
      for (const queue of queues) handOut(queue)
    },
    async subscribe(name, topics, handler) {
      const queue = house.queues.get(name) ?? emptyQueue(name)
      house.queues.set(name, queue)
      for (const topic of topics) queue.topics.add(topic)
      const consumer: Consumer = { handler, atWork: new Set(), retryBaseMs }
      queue.consumers.push(consumer)
      handOut(queue)
      return subscription(async () => {
        queue.consumers = queue.consumers.filter((each) => each !== consumer)
        await Promise.all(consumer.atWork)
      })
    },
    async listen(topics, handler) {
      const listener = { topics: new Set(topics), handler }
      house.listeners.add(listener)
      return subscription(() => house.listeners.delete(listener))
    },
    async waiting(name) {
      const queue = house.queues.get(name)
      const atWork = queue?.consumers.reduce((sum, { atWork }) => sum + atWork.size, 0) ?? 0
      return (queue?.waiting.length ?? 0) + atWork
    },
    async deadLetters(name) {
      return house.queues.get(name)?.dead.toReversed() ?? []
    },
    async settleDeadLetters(name, ids, fate) {
      const queue = house.queues.get(name)
      const chosen = queue?.dead.filter(({ id }) => ids.includes(id)) ?? []
      if (queue === undefined || chosen.length === 0) return 0
      queue.dead = queue.dead.filter((letter) => !chosen.includes(letter))
      if (fate === 'retry')
        for (const { queue: _, error: __, ...message } of chosen)
          queue.waiting.push({ ...message, attempt: 0 })
      handOut(queue)
      return chosen.length
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      await Promise.all([...subscriptions].map((each) => each[Symbol.asyncDispose]()))
    },
  }
}

const emptyQueue = (name: string): Queue => {
  return { name, topics: new Set(), waiting: [], consumers: [], dead: [] }
}

/** Gives everybody who wants the topic a copy of their own. */
function spread(house: House, topic: string, json: string): void {
  const common = {
    id: String(++house.published),
    topic,
    publishedAt: new Date(systemClock.now()).toISOString(),
  }
  const copy = (attempt: number): Message => ({ ...common, payload: JSON.parse(json), attempt })
  for (const { topics, handler } of house.listeners) if (topics.has(topic)) void faultOf(handler, copy(1))
  for (const queue of house.queues.values()) if (queue.topics.has(topic)) queue.waiting.push(copy(0))
}

/** Deals what waits to the consumers in turn, as far as they have hands free. */
function handOut(queue: Queue): void {
  for (;;) {
    const consumer = queue.consumers.find(({ atWork }) => atWork.size < inFlightMax)
    const message = consumer && queue.waiting.shift()
    if (consumer === undefined || message === undefined) return
    queue.consumers = [...queue.consumers.filter((each) => each !== consumer), consumer]
    const work = carry(queue, consumer, { ...message, attempt: message.attempt + 1 })
    consumer.atWork.add(work)
    void work.then(() => {
      consumer.atWork.delete(work)
      handOut(queue)
    })
  }
}

async function carry(queue: Queue, { handler, retryBaseMs }: Consumer, message: Message): Promise<void> {
  const fault = await faultOf(handler, message)
  if (fault === undefined) return
  if (message.attempt < attemptsMax && !(fault instanceof MessageUnusable)) {
    const again = () => {
      queue.waiting.push(message)
      handOut(queue)
    }
    setTimeout(again, backoffMs(message.attempt - 1, systemClock.random(), retryBaseMs)).unref()
    return
  }
  queue.dead.push({ ...message, queue: queue.name, error: fault.message })
  if (queue.dead.length > deadLettersMax) queue.dead.shift()
}

/** What the handler threw. It runs after whoever published goes on. */
async function faultOf(handler: Handler, message: Message): Promise<Error | undefined> {
  await undefined
  try {
    await handler(message)
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
