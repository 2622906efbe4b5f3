import { systemClock } from '#ports/clock'
import { type Broker, type BrokerOptions, BrokerUnavailable, retryBaseMsDefault } from '../broker.ts'
import { openLink } from './connection.ts'
import { clearDeadLetters, deadLetters, waiting } from './dead-letters.ts'
import { startListening } from './listen.ts'
import { startPublisher } from './publish.ts'
import { startQueue } from './queue.ts'

/** How long a starting process waits for a broker that is away. */
const openWithinMs = 30_000

/**
 * RabbitMQ, 3.10 or later. Queues are quorum queues: what is confirmed is on the disks of a majority. Retries wait in
 * queues of their own, one for each length of wait, whose messages go back when their time is over.
 */
export async function openRabbitBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const { applicationName, retryBaseMs = retryBaseMsDefault } = options
  const clock = systemClock
  await using opened = new AsyncDisposableStack()
  // Of a connection that it takes no messages from, the server reads nothing else either: what is taken from queues must
  // not wait for that.
  const link = opened.use(openLink(url, { applicationName }))
  const publishing = opened.use(openLink(url, { applicationName: `${applicationName}-publishing` }))
  const publisher = opened.use(startPublisher(publishing, clock))
  await publisher.ready(openWithinMs)
  const subscriptions = new Set<AsyncDisposable>()
  const rest = opened.move()
  let closed = false

  const subscription = async (starting: Promise<AsyncDisposable>): Promise<AsyncDisposable> => {
    const started = await starting
    const one = {
      async [Symbol.asyncDispose]() {
        subscriptions.delete(one)
        await started[Symbol.asyncDispose]()
      },
    }
    subscriptions.add(one)
    return one
  }
  const unlessClosed = () => {
    if (closed) throw new BrokerUnavailable('the broker is closed')
  }

  return {
    publish: (messages) => publisher.publish(messages),
    async subscribe(queue, topics, handler) {
      unlessClosed()
      return await subscription(startQueue({ link, publisher, clock, queue, topics, handler, retryBaseMs }))
    },
    async listen(topics, handler) {
      unlessClosed()
      return await subscription(startListening(link, clock, topics, handler))
    },
    async waiting(queue) {
      unlessClosed()
      return await waiting(link, queue)
    },
    async deadLetters(queue) {
      unlessClosed()
      return await deadLetters(link, queue)
    },
    async clearDeadLetters(queue, ids, fate) {
      unlessClosed()
      return await clearDeadLetters(publishing, queue, ids, fate)
    },
    async [Symbol.asyncDispose]() {
      closed = true
      await Promise.all([...subscriptions].map((each) => each[Symbol.asyncDispose]()))
      await rest.disposeAsync()
    },
  }
}
