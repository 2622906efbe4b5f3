import { dayMs } from '#kernel/day'
import { type Clock, every } from '#ports/clock'
import type { MissStore } from '../store/miss-store.ts'
import { fold } from './fold.ts'

/** Counts what readers look for and do not find, so that booksellers can see what they lack. */
export type Misses = AsyncDisposable & { note(typed: string): void }

const writeEveryMs = 60_000
const wordsLengthMax = 80
/** Different searches that one process keeps between two writes. */
const waitingMax = 500
const keptDays = 400

export function createMisses(store: MissStore, clock: Clock): Misses {
  let waiting = new Map<string, number>()
  const write = async () => {
    if (waiting.size === 0) return
    const counted = waiting
    waiting = new Map()
    await store.add(dayAt(clock.now()), counted)
    await store.forget(dayAt(clock.now() - keptDays * dayMs))
  }
  const rounds = every(clock, writeEveryMs, write)
  return {
    note(typed) {
      const words = wordsToCount(typed)
      if (words === undefined || (waiting.size >= waitingMax && !waiting.has(words))) return
      waiting.set(words, (waiting.get(words) ?? 0) + 1)
    },
    async [Symbol.asyncDispose]() {
      await rounds[Symbol.asyncDispose]()
      // What cannot be written is not worth holding up an end.
      await write().catch(() => undefined)
    },
  }
}

const dayAt = (ms: number) => new Date(ms).toISOString().slice(0, 10)

/**
 * What is counted of a search: its folded words. Addresses and long numbers, which may be somebody's, are not, unless the
 * number is an ISBN's length.
 */
export function wordsToCount(typed: string): string | undefined {
  if (typed.includes('@')) return undefined
  const words = fold(typed)
  if (words === '' || words.length > wordsLengthMax) return undefined
  const digits = words.replaceAll(/\D/g, '').length
  return digits < 5 || digits === 10 || digits === 13 ? words : undefined
}
