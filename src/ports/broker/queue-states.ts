import type { QueueState } from '#kernel/queue-state'
import type { Broker } from './broker.ts'

/** Looking is work for the broker, and operators' pages look often. */
const keptMs = 10_000
const shownMax = 5
const errorCharactersMax = 300

/**
 * Looks after queues for those who ask how they are.
 * @returns their states, a few seconds old at most
 */
export function watchQueues(broker: Broker, queues: readonly string[]): () => Promise<QueueState[]> {
  let [looking, sinceMs]: [Promise<QueueState[]> | undefined, number] = [undefined, 0]
  return async () => {
    const nowMs = performance.now()
    if (looking === undefined || nowMs - sinceMs > keptMs) {
      sinceMs = nowMs
      looking = Promise.all(queues.map((queue) => stateOf(broker, queue)))
      // A broker that is away is asked again by the next who asks.
      looking.catch(() => {
        looking = undefined
      })
    }
    return await looking
  }
}

async function stateOf(broker: Broker, queue: string): Promise<QueueState> {
  const [waiting, letters] = await Promise.all([broker.waiting(queue), broker.deadLetters(queue)])
  const deadLetters = letters.slice(0, shownMax).map(({ id, topic, publishedAt, attempt, error }) => {
    return { id, topic, publishedAt, attempt, error: error.slice(0, errorCharactersMax) }
  })
  return { queue, waiting, dead: letters.length, deadLetters }
}
