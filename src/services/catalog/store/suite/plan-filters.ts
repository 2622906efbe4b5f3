import type { BookFilter } from '../book-store.ts'

export const everything: BookFilter = { search: { kind: 'all' }, nowMs: 0 }

/** What the plans of every database's lists are tried on, among synthetic books. */
export const planFilters: Readonly<Record<string, Partial<BookFilter>>> = {
  'no choice': {},
  'a common subject': { subject: 's3' },
  'a rare subject': { subject: 't77' },
  'a common format': { format: 'paperback' },
  'a rare format': { format: 'braille' },
  'a common language': { language: 'EN' },
  'a rare language': { language: 'cy' },
  'limited editions': { limited: true },
  'a price': { minPrice: 900, maxPrice: 905 },
  'what can be bought': { available: true },
  'the few that cannot be bought': { available: false },
  'what cannot be bought of a common subject': { available: false, subject: 's3' },
  'a rare format in a rare language': { format: 'braille', language: 'cy' },
  'a subject and a format': { subject: 's3', format: 'hardcover' },
}
