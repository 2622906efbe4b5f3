import type { QueryOf } from '#kernel/contract'
import { type FieldError, invalid } from '#kernel/problem'
import type { listBooks } from '../contract.ts'
import { themaWord } from '../search/book-keys.ts'
import type { Search } from '../search/word-search.ts'
import type { BookFilter } from '../store/book-store.ts'

export type BookQuery = QueryOf<typeof listBooks>

/** The conditions that a query sets. @throws Problem 400 for one that no book could ever meet because it is no text */
export function filterOf(query: BookQuery, search: Search, nowMs: number): BookFilter {
  refuseControlCharacters(query)
  const { subject, thema, format, language, limited, available, minPrice, maxPrice } = query
  return {
    ...{ search, nowMs },
    ...(subject !== undefined && { subject }),
    ...(thema !== undefined && { themaWord: themaWord(thema) }),
    ...(format !== undefined && { format }),
    ...(language !== undefined && { language }),
    ...(limited !== undefined && { limited }),
    ...(available !== undefined && { available }),
    ...(minPrice !== undefined && { minPrice: bounded(minPrice) }),
    ...(maxPrice !== undefined && { maxPrice: bounded(maxPrice) }),
  }
}

/** Numbers beyond what a price can be compare the same as the greatest safe one, which every store takes. */
const bounded = (amount: number) => Math.min(amount, Number.MAX_SAFE_INTEGER)

function refuseControlCharacters(query: BookQuery): void {
  const errors: FieldError[] = []
  for (const field of ['subject', 'format', 'language'] as const)
    if (/\p{Cc}/u.test(query[field] ?? '')) errors.push({ field, message: 'has control characters' })
  if (errors.length > 0) throw invalid(errors)
}
