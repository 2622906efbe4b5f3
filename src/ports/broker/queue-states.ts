import type { QueueState } from '#kernel/queue-state'
import type { Broker, DeadLetterFate } from './broker.ts'

/** Looking is work for the broker, and operators' pages look often. */
const keptMs = 10_000
const shownMax = 5
const errorCharactersMax = 300

/** Some queues, for those who look after them. */
export type WatchedQueues = {
  /** A few seconds old at most, and never older than what was cleared here. @throws BrokerUnavailable */
  states(): Promise<QueueState[]>
  has(queue: string): boolean
  /** @returns how many of the letters were there @throws BrokerUnavailable */
  clear(queue: string, ids: readonly string[], fate: DeadLetterFate): Promise<number>
}

export function watchQueues(broker: Broker, queues: readonly string[]): WatchedQueues {
  let [looking, sinceMs]: [Promise<QueueState[]> | undefined, number] = [undefined, 0]
  const forget = () => {
    looking = undefined
  }
  return {
    async states() {
      const nowMs = performance.now()
      if (looking === undefined || nowMs - sinceMs > keptMs) {
        sinceMs = nowMs
        looking = Promise.all(queues.map((queue) => stateOf(broker, queue)))
        // A broker that is away is asked again by the next who asks.
        looking.catch(forget)
      }
      return await looking
    },
    has: (queue) => queues.includes(queue),
    clear: (queue, ids, fate) => broker.clearDeadLetters(queue, ids, fate).finally(forget),
  }
}

async function stateOf(broker: Broker, queue: string): Promise<QueueState> {
  const [waiting, letters] = await Promise.all([broker.waiting(queue), broker.deadLetters(queue)])
  const deadLetters = letters.slice(0, shownMax).map(({ id, topic, publishedAt, attempt, error }) => {
    return { id, topic, publishedAt, attempt, error: error.slice(0, errorCharactersMax) }
  })
  return { queue, waiting, dead: letters.length, deadLetters }
}
