import { type Clock, uuid7 } from '#ports/clock'
import { epochMs, type World } from './world.ts'

/** A simulated process: it can die, start again with nothing remembered, freeze, and wake late. */
export type Process = {
  readonly name: string
  readonly isUp: boolean
  /** Counts its lives. What was begun in an earlier one is never gone on with. */
  readonly life: number
  /** Runs `work` in this process if it still lives the same life; later, if it is frozen. */
  deliver(life: number, work: () => void): void
  /** A clock that stands still with its process and is a little wrong. */
  readonly clock: Clock
  kill(): void
  start(): void
  freeze(ms: number): void
  /** Called when this life ends, for those who hold something of it. */
  onceDead(listener: () => void): void
}

const skewMs = 40

/** @param begin what the process does in each of its lives */
export function createProcess(world: World, name: string, begin: (self: Process) => void): Process {
  const skew = (world.random() - 0.5) * skewMs
  let isUp = true
  let life = 0
  let frozenUntil = 0
  let deathListeners: (() => void)[] = []

  const deliver = (asked: number, work: () => void) => {
    if (asked !== life || !isUp) return
    const left = frozenUntil - world.now()
    if (left <= 0) work()
    // Woken, it finds what came meanwhile in any order.
    else world.after(left + world.random(), () => deliver(asked, work))
  }
  const self: Process = {
    name,
    get isUp() {
      return isUp
    },
    get life() {
      return life
    },
    deliver,
    clock: {
      now: () => Math.floor(epochMs + world.now() + skew),
      monotonicMs: () => world.now(),
      sleep(ms) {
        const asked = life
        return new Promise((resolve) => world.after(ms, () => deliver(asked, resolve)))
      },
      random: world.random,
      randomBytes: (length) => Buffer.from(Array.from({ length }, () => world.below(256))),
      uuid: () => uuid7(Math.floor(epochMs + world.now() + skew), randomTen(world)),
    },
    kill() {
      if (!isUp) return
      world.note(`${name} dies`)
      isUp = false
      life++
      frozenUntil = 0
      const listeners = deathListeners
      deathListeners = []
      for (const listener of listeners) listener()
    },
    start() {
      if (isUp) return
      world.note(`${name} starts`)
      isUp = true
      begin(self)
    },
    freeze(ms) {
      world.note(`${name} freezes for ${Math.round(ms)} ms`)
      frozenUntil = Math.max(frozenUntil, world.now() + ms)
    },
    onceDead: (listener) => void deathListeners.push(listener),
  }
  begin(self)
  return self
}

const ten = new Uint8Array(10)
function randomTen(world: World): Uint8Array {
  for (let i = 0; i < 10; i++) ten[i] = world.below(256)
  return Buffer.from(ten)
}
