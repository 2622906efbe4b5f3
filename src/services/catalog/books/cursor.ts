import { invalid } from '#kernel/problem'
import { cursorMax } from '#kernel/schemas'
import type { Place } from '../store/book-store.ts'

/** An opaque cursor: the order it belongs to and the place in it. */
export function encodeCursor(order: string, place: Place): string {
  return Buffer.from(JSON.stringify([order, ...place])).toString('base64url')
}

/**
 * Reads a cursor back.
 * @param shape what the place has to look like, such as `['number', 'string']`
 * @throws Problem 400 for one that we did not make, or made for another order
 */
export function decodeCursor(cursor: string, order: string, shape: readonly ('string' | 'number')[]): Place {
  const [given, ...place] = cursor.length > cursorMax ? [] : parsed(cursor)
  const fits =
    given === order && place.length === shape.length && place.every((part, i) => isPart(part, shape[i]))
  if (!fits) throw invalid([{ field: 'cursor', message: 'is not a cursor of this list in this order' }])
  return place as (string | number)[]
}

function isPart(part: unknown, kind: 'string' | 'number' | undefined): boolean {
  if (kind === 'number') return Number.isSafeInteger(part)
  return typeof part === 'string' && part.isWellFormed() && !part.includes('\0')
}

function parsed(cursor: string): unknown[] {
  try {
    const text = Buffer.from(cursor, 'base64url').toString()
    const value: unknown = JSON.parse(text)
    const isOurs = Array.isArray(value) && Buffer.from(text).toString('base64url') === cursor
    return isOurs ? value : []
  } catch {
    // Not a cursor of ours, which the caller says to whoever sent it.
    return []
  }
}
