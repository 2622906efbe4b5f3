import { full, type Problem, tooMany } from '#kernel/problem'
import { networkOf } from '#ports/http'
import type { BrowsingLimit } from './browsing-limit.ts'

/** Something that wants one of the places for reads of the catalogue. */
export type Read = {
  /** Whether anybody still waits for it. */
  isWanted(): boolean
  /** Its turn has come. @param end gives its place to the next; calling it twice does no harm */
  begin(end: () => void): void
  refuse(problem: Problem): void
}

/** What a read that has entered is known by. */
export type Turn = {
  /** One more client waits for the same read, which comes with whichever of them is first. */
  join(client: string): void
}

export type BrowsingQueue = Disposable & {
  /** @param client the address it is for. Begins or refuses the read, now or later. */
  enter(client: string, read: Read): Turn
  readonly active: number
  readonly waiting: number
}

/** Reads that wait, those of one client, and how long. */
const waitingMax = 2_048
const waitingOfOneMax = 512
const waitMaxMs = 2_000
const sweepEveryMs = 250

type Waiting = { read: Read; sinceMs: number; clients: Set<string>; isOver: boolean }

/** Who may read the catalogue next: clients in turn, whatever each has sent ahead. */
export function createBrowsingQueue(nowMs: () => number, limit: BrowsingLimit): BrowsingQueue {
  const queues = new Map<string, Waiting[]>()
  let [active, waiting] = [0, 0]

  const begin = (read: Read) => {
    active++
    const startedMs = nowMs()
    let isOver = false
    read.begin(() => {
      if (isOver) return
      isOver = true
      active--
      limit.readTook(nowMs() - startedMs, waiting > 0)
      next()
    })
  }
  /** The first of the client whose turn it is; that client comes last then. */
  const take = (): Waiting | undefined => {
    for (const [client, queue] of queues) {
      queues.delete(client)
      let first = queue.shift()
      while (first?.isOver) first = queue.shift()
      if (queue.length > 0) queues.set(client, queue)
      if (first !== undefined) return leave(first)
    }
    return undefined
  }
  const leave = (each: Waiting) => {
    each.isOver = true
    waiting--
    return each
  }
  const next = () => {
    while (active < limit.atOnce) {
      const first = take()
      if (first === undefined) return
      if (first.read.isWanted()) begin(first.read)
      else first.read.refuse(busyNow())
    }
  }
  const queueFor = (key: string, each: Waiting) => {
    const queue = queues.get(key) ?? []
    if (each.clients.has(key) || queue.length >= waitingOfOneMax) return
    each.clients.add(key)
    queue.push(each)
    queues.set(key, queue)
  }
  const sweeping = setInterval(() => {
    const before = nowMs() - waitMaxMs
    for (const queue of queues.values()) {
      for (let first = queue[0]; first && (first.isOver || first.sinceMs < before); first = queue[0]) {
        queue.shift()
        if (!first.isOver) leave(first).read.refuse(busyNow())
      }
    }
    for (const [client, queue] of queues) if (queue.length === 0) queues.delete(client)
  }, sweepEveryMs)
  sweeping.unref()
  return {
    enter(client, read) {
      const each = { read, sinceMs: nowMs(), clients: new Set<string>(), isOver: false }
      const key = networkOf(client)
      if (active < limit.atOnce && waiting === 0) {
        each.isOver = true
        begin(read)
      } else if ((queues.get(key)?.length ?? 0) >= waitingOfOneMax) {
        each.isOver = true
        read.refuse(tooMany('Too many requests of yours are waiting.'))
      } else if (waiting >= waitingMax) {
        each.isOver = true
        read.refuse(busyNow())
      } else {
        waiting++
        queueFor(key, each)
        next()
      }
      return {
        join(another) {
          if (!each.isOver) queueFor(networkOf(another), each)
        },
      }
    },
    get active() {
      return active
    },
    get waiting() {
      return waiting
    },
    [Symbol.dispose]: () => clearInterval(sweeping),
  }
}

const busyNow = () => full('The catalogue has too much to do just now; try again in a moment.')
