import { dayMs } from '#kernel/day'
import { type Clock, every } from '#ports/clock'
import type { MissStore } from '../store/miss-store.ts'
import { fold, withLatinDigits } from './fold.ts'
import { splitIsbns } from './isbns-in-text.ts'

/** Counts what readers look for and do not find, so that booksellers can see what they lack. */
export type Misses = AsyncDisposable & {
  note(typed: string): void
  /**
   * Forgets what holds one of these phrases, and what others have yet to write of it.
   * @returns how much of it is still there
   */
  forget(phrases: readonly string[]): Promise<number>
}

const writeEveryMs = 60_000
const wordsLengthMax = 80
/** Different searches that one process keeps between two writes. */
const waitingMax = 500
/** What another process has noted before something was to be forgotten is written by then. */
const forgetsOnForMs = 2 * writeEveryMs

/** @param days after which what was looked for is forgotten; 0 notes nothing */
export function createMisses(store: MissStore, clock: Clock, days: number): Misses {
  let waiting = new Map<string, number>()
  let forgotten: { phrases: readonly string[]; untilMs: number }[] = []
  let tidied = ''
  const write = async () => {
    const today = dayAt(clock.now())
    if (waiting.size > 0) {
      const counted = waiting
      waiting = new Map()
      await store.add(today, counted)
    }
    for (const { phrases } of forgotten) await store.erase(phrases)
    forgotten = forgotten.filter(({ untilMs }) => clock.monotonicMs() < untilMs)
    if (tidied === today) return
    await store.forget(days === 0 ? dayAt(clock.now() + dayMs) : dayAt(clock.now() - days * dayMs))
    tidied = today
  }
  const rounds = every(clock, writeEveryMs, write)
  return {
    note(typed) {
      const words = days === 0 ? undefined : wordsToCount(typed)
      if (words === undefined || (waiting.size >= waitingMax && !waiting.has(words))) return
      waiting.set(words, (waiting.get(words) ?? 0) + 1)
    },
    async forget(phrases) {
      for (const words of waiting.keys()) if (holdsOne(words, phrases)) waiting.delete(words)
      forgotten.push({ phrases, untilMs: clock.monotonicMs() + forgetsOnForMs })
      await store.erase(phrases)
      return await store.count(phrases)
    },
    async [Symbol.asyncDispose]() {
      await rounds[Symbol.asyncDispose]()
      // What cannot be written is not worth holding up an end.
      await write().catch(() => undefined)
    },
  }
}

const dayAt = (ms: number) => new Date(ms).toISOString().slice(0, 10)

const holdsOne = (words: string, phrases: readonly string[]) =>
  phrases.some((phrase) => ` ${words} `.includes(` ${phrase} `))

/** An address, also one that is written for people: "ada (at) example.org". */
const addressSign = /@|[([{]\s*at\s*[)\]}]/i

/**
 * What is counted of a search: its folded words. Addresses and long numbers, which may be somebody's, are not, unless the
 * number is an ISBN.
 */
export function wordsToCount(typed: string): string | undefined {
  const plain = withLatinDigits(typed.normalize('NFKC'))
  if (addressSign.test(plain)) return undefined
  const words = fold(plain)
  if (words === '' || words.length > wordsLengthMax) return undefined
  const digits = splitIsbns(plain).rest.replaceAll(/\D/g, '').length
  return digits < 5 ? words : undefined
}
