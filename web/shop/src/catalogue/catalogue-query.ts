import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import type { BookFilter, BookSort } from '../api/books.ts'

export type { BookFilter } from '../api/books.ts'

export const sorts: readonly { value: BookSort; label: string }[] = [
  { value: 'relevance', label: 'Best match' },
  { value: 'bestselling', label: 'Bestselling' },
  { value: 'title', label: 'Title, A to Z' },
  { value: '-publishedOn', label: 'Newest first' },
  { value: 'price', label: 'Price, low to high' },
  { value: '-price', label: 'Price, high to low' },
]

/** What the address asks for. Values it cannot mean are left out, so that a mangled link still shows books. */
export function readFilter(query: LocationQuery): BookFilter {
  const sort = sorts.find((s) => s.value === one(query.sort))?.value
  const filter: BookFilter = {
    q: text(query.q, 200),
    subject: text(query.subject, 100),
    thema: code(query.thema),
    format: text(query.format, 40),
    language: text(query.language, 20),
    limited: one(query.limited) === 'true' ? true : undefined,
    available: one(query.available) === 'true' ? true : undefined,
    minPrice: amount(query.minPrice),
    maxPrice: amount(query.maxPrice),
    sort,
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

/** How many books a reader had on the page, so that a reload shows as many. */
export function readShown(query: LocationQuery): number | undefined {
  return amount(query.show)
}

/** The address for a filter; an empty one is the bare catalogue. */
export function writeFilter(filter: BookFilter): LocationQueryRaw {
  const entries = Object.entries(filter).filter(
    ([, value]) => value !== undefined && value !== '' && value !== false,
  )
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}

/** A filter with some fields changed; `undefined` takes one away. */
export function changed(filter: BookFilter, change: BookFilter): BookFilter {
  return Object.fromEntries(
    Object.entries({ ...filter, ...change }).filter(([, value]) => value !== undefined),
  )
}

/** True when nothing narrows the list. */
export const isWhole = (filter: BookFilter) => Object.keys(filter).every((name) => name === 'sort')

const one = (value: LocationQuery[string] | undefined) =>
  (Array.isArray(value) ? value[0] : value) ?? undefined

function text(value: LocationQuery[string] | undefined, maxLength: number): string | undefined {
  return one(value)?.trim().slice(0, maxLength) || undefined
}

/** A code of Thema: letters and digits, of qualifiers also hyphens. */
function code(value: LocationQuery[string] | undefined): string | undefined {
  const written = one(value)?.trim()
  return written !== undefined && /^[A-Za-z0-9][A-Za-z0-9-]{0,19}$/.test(written) ? written : undefined
}

function amount(value: LocationQuery[string] | undefined): number | undefined {
  const digits = one(value)
  return digits && /^\d{1,9}$/.test(digits) ? Number(digits) : undefined
}
