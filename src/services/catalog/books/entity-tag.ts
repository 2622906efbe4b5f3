import { Problem } from '#kernel/problem'
import { statusOf } from './availability.ts'
import type { BookRow } from './book-row.ts'

/**
 * A book's strong entity tag: its own version, its stock's, and what the clock makes of both. Edits compare the first
 * part alone, so that a sale between reading and saving does not refuse a bookseller's correction.
 * Source: RFC 9110 section 8.8.3.
 */
export function bookTag(row: BookRow, nowMs: number): string {
  return `"${row.version}-${row.stockVersion}-${statusOf(row, nowMs)}"`
}

/** Weak, because two answers alike differ in the moment they tell of. Source: RFC 9110 section 8.8.1. */
export function availabilityTag(row: BookRow, nowMs: number): string {
  return `W/"${row.stockVersion}-${statusOf(row, nowMs)}"`
}

/**
 * Whether `If-Match` lets an edit of this version through, by strong comparison: a weak tag never matches.
 * Source: RFC 9110 section 13.1.1.
 */
function matches(ifMatch: string | undefined, version: number): boolean {
  if (ifMatch === undefined || ifMatch.trim() === '*') return true
  return ifMatch.split(',').some((tag) => {
    const match = /^"(\d+)(?:-[\w-]*)?"$/.exec(tag.trim())
    return match !== null && Number(match[1]) === version
  })
}

/** @throws Problem 412 when the book has changed since the caller read it */
export function checkIfMatch(ifMatch: string | undefined, version: number): void {
  if (matches(ifMatch, version)) return
  throw new Problem(
    412,
    'changed-meanwhile',
    'Somebody else changed this book since you read it: read it again and repeat the edit.',
  )
}
