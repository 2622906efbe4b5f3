/**
 * Natural batching: while one batch is in flight, what arrives queues; the queue is the next batch. No timer: at low
 * load a batch is one item and waits for nobody.
 */
export type Batcher<Item> = {
  /** @returns false when the queue is full and the item was not taken */
  add(item: Item): boolean
  readonly waiting: number
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>
}

export type BatcherOptions<Item> = {
  /** Carries a batch through; it must not reject, because each item carries its own outcome. */
  run(batch: Item[]): Promise<void>
  batchMax: number
  queueMax: number
  /** Lets what arrives in this turn of the event loop in before a batch leaves; by default one microtask is all. */
  turn?: () => Promise<void>
}

export function createBatcher<Item>({ run, batchMax, queueMax, turn }: BatcherOptions<Item>): Batcher<Item> {
  let queue: Item[] = []
  let running = false
  let idleListeners: (() => void)[] = []

  const drain = async () => {
    while (queue.length > 0) {
      if (turn) await turn()
      const batch = queue.length <= batchMax ? queue : queue.slice(0, batchMax)
      queue = queue.length <= batchMax ? [] : queue.slice(batchMax)
      await run(batch)
    }
    running = false
    for (const listener of idleListeners) listener()
    idleListeners = []
  }

  return {
    add(item) {
      if (queue.length >= queueMax) return false
      queue.push(item)
      if (!running) {
        running = true
        // One microtask later, so that everything that arrived in this turn of the event loop rides together.
        queueMicrotask(drain)
      }
      return true
    },
    get waiting() {
      return queue.length
    },
    idle: () => (running ? new Promise((resolve) => idleListeners.push(resolve)) : Promise.resolve()),
  }
}
