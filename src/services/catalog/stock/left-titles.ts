import type { StockRequest } from '#services/catalog'
import type { SeenTitle } from '../store/stock-store.ts'
import type { Allot, Allotted } from './allot.ts'

/**
 * How this process's last groups left their titles, for groups of one title: the next of the same title needs not ask
 * before it allots. Never trusted: whoever moves a title's stock on this has the store check that it is so.
 */
export type LeftTitles = {
  /** The title, if it is the only one and known. */
  only(isbns: ReadonlySet<string>): SeenTitle | undefined
  /** Its stock was moved once. */
  note(title: SeenTitle): void
  forget(isbn: string): void
}

const titlesMax = 1_000

export function createLeftTitles(): LeftTitles {
  const titles = new Map<string, SeenTitle>()
  return {
    only(isbns) {
      const [isbn] = isbns
      return isbn === undefined || isbns.size > 1 ? undefined : titles.get(isbn)
    },
    note(title) {
      titles.set(title.isbn, { ...title, version: title.version + 1 })
      const [oldest] = titles.keys()
      if (titles.size > titlesMax && oldest !== undefined) titles.delete(oldest)
    },
    forget: (isbn) => void titles.delete(isbn),
  }
}

/** A group that got its copies without asking: good if its title is found as expected, and then leaves it as `title`. */
export type AllottedAsLeft = Allotted & { title: SeenTitle }

/** @returns undefined for a group that has to ask how its title stands */
export function allotAsLeft(
  expected: SeenTitle,
  requests: readonly StockRequest[],
  nowMs: number,
  by: Allot,
): AllottedAsLeft | undefined {
  const title = { ...expected }
  const allotted = by(new Map([[title.isbn, title]]), requests, nowMs)
  // Who is refused is refused for how it stands now.
  const isAllTaken = allotted.answers.every(({ kind }) => kind === 'reserved' || kind === 'moved')
  return isAllTaken ? { ...allotted, title } : undefined
}
