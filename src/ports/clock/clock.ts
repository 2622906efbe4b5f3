import { randomBytes } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'

/** Time, randomness and ids: the one place a test turns to make them repeatable. */
export type Clock = {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number
  /** Milliseconds that never run backwards, for measuring waits. */
  monotonicMs(): number
  /** Resolves after `ms`, or rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** A number in [0, 1). */
  random(): number
  randomBytes(length: number): Buffer
  /** A UUID version 7: sorts by time of creation, in one process strictly. Source: RFC 9562 section 5.7. */
  uuid(): string
}

export const systemClock: Clock = {
  now: Date.now,
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
  random: Math.random,
  randomBytes,
  uuid: () => nextUuid(Date.now()),
}

/** What follows the time in a UUID version 7 of this process: it counts up while the clock stands. */
const counterMax = 0xfff
let lastMs = 0
let lastTime = ''
let counter = 0

/**
 * A UUID version 7 that is greater than all before it from this process, so that rows made one after the other lie
 * side by side in an index. A millisecond that runs out of numbers borrows from the next. Source: RFC 9562 section 6.2,
 * method 1.
 */
function nextUuid(nowMs: number): string {
  const random = randomHex(randomDigits)
  if (nowMs > lastMs || counter === counterMax) {
    lastMs = Math.max(nowMs, lastMs + 1)
    lastTime = timeText(lastMs)
    // From the lower half, so that there is room to count.
    counter = Number.parseInt(random.slice(0, 3), 16) >> 1
  } else counter++
  return `${lastTime}-7${hex3(counter)}-${variants[Number.parseInt(random.charAt(3), 16) & 0x3]}${random.slice(4, 7)}-${random.slice(7)}`
}

const variants = ['8', '9', 'a', 'b']
const hex3 = (value: number) => (0x1000 + value).toString(16).slice(1)

/** The first 48 bits: milliseconds since 1970. */
function timeText(timeMs: number): string {
  const time = timeMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}`
}

/** Lays out a UUID version 7 from a time in milliseconds and ten random bytes. */
export function uuid7(timeMs: number, random: Uint8Array): string {
  const hex = Buffer.from(random.buffer, random.byteOffset, 10).toString('hex')
  const variant = ((Number.parseInt(hex[4] ?? '0', 16) & 0x3) | 0x8).toString(16)
  return `${timeText(timeMs)}-7${hex.slice(1, 4)}-${variant}${hex.slice(5, 8)}-${hex.slice(8, 20)}`
}

/** Milliseconds since 1970 that a UUID version 7 carries. */
export function uuid7TimeMs(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}

// One system call for many ids: asking the kernel for ten bytes at a time costs more than the insert it names.
const poolBytes = 8192
/** Three digits to begin counting from, one for the variant's two free bits, fifteen that are random. */
const randomDigits = 19
let pool = ''
let poolOffset = 0

function randomHex(digits: number): string {
  if (poolOffset + digits > pool.length) {
    pool = randomBytes(poolBytes).toString('hex')
    poolOffset = 0
  }
  poolOffset += digits
  return pool.slice(poolOffset - digits, poolOffset)
}
