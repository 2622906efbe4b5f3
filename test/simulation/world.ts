import { randomFrom } from '../support/random-from.ts'

/**
 * Time, chance and processes of one simulated run. Everything that happens is an event on one virtual timeline, so that
 * a seed says all that will happen. Real asynchronous code runs between events: it goes on only when an event answers
 * it, which makes every `await` on a port a moment at which its process can die or freeze.
 */
export type World = {
  readonly seed: number
  now(): number
  random(): number
  /** A whole number from 0 to below `count`. */
  below(count: number): number
  chance(probability: number): boolean
  after(ms: number, work: () => void): void
  /** Runs the next event. @returns false when there is none left, or none before the end */
  step(): boolean
  /** Nothing later than this happens. */
  endAt: number
  /** Called at each step of a process, which may then die or freeze. */
  hazard(process: { kill(): void; freeze(ms: number): void }): void
  /** What happened, for the reader of a failure; kept only when `trace` is on. */
  note(text: string): void
  readonly notes: readonly string[]
}

type Event = { at: number; order: number; work: () => void }

/** Where every simulated clock starts: 2026-01-01. */
export const epochMs = 1_767_225_600_000

export function createWorld(seed: number, trace = false): World {
  const random = randomFrom(seed)
  const events: Event[] = []
  const notes: string[] = []
  let now = 0
  let order = 0
  return {
    seed,
    notes,
    endAt: Number.POSITIVE_INFINITY,
    hazard: () => undefined,
    now: () => now,
    random,
    below: (count) => Math.floor(random() * count),
    chance: (probability) => random() < probability,
    after: (ms, work) => push(events, { at: now + ms, order: order++, work }),
    step() {
      const event = pop(events)
      if (event === undefined || event.at > this.endAt) return false
      now = event.at
      event.work()
      return true
    },
    note(text) {
      if (trace) notes.push(`${now.toFixed(1).padStart(9)} ${text}`)
    },
  }
}

/**
 * Runs many worlds to their ends. One event of each, then a turn of the real event loop, in which everything that the
 * events answered goes on: worlds do not see each other, and the turn is paid once for all of them.
 */
export async function runAll(worlds: readonly World[]): Promise<void> {
  const running = [...worlds]
  while (running.length > 0) {
    for (let i = running.length - 1; i >= 0; i--) {
      if ((running[i] as World).step()) continue
      running[i] = running.at(-1) as World
      running.pop()
    }
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** A binary heap: earliest first, and of those at one time the one planned first. */
function push(heap: Event[], event: Event): void {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(event, heap[parent] as Event)) break
    heap[at] = heap[parent] as Event
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++
    if (!isBefore(heap[child] as Event, last)) break
    heap[at] = heap[child] as Event
    at = child
  }
  heap[at] = last
  return first
}

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order)
