import type { QueryOf } from '#kernel/contract'
import { type FieldError, invalid } from '#kernel/problem'
import type { listBooks } from '../contract.ts'
import type { Search } from '../search/search.ts'

export type BookQuery = QueryOf<typeof listBooks>

/** Collects parameters and hands out their `$1`, `$2`, … */
export class Parameters {
  readonly values: unknown[] = []
  add(value: unknown): string {
    return `$${this.values.push(value)}`
  }
}

/** The conditions of a list, over `catalog.books b join catalog.stock s`; facets leave one of the last three out. */
export type BookFilter = { base: string; subject: string; format: string; language: string }

const everything = 'true'

/** @throws Problem 400 for a filter that no book could ever match because it is no text */
export function bookFilter(query: BookQuery, search: Search, parameters: Parameters): BookFilter {
  refuseControlCharacters(query)
  const base: string[] = []
  if (search.kind === 'words') base.push(`b.search @@ ${parameters.add(search.matching)}::tsquery`)
  if (search.kind === 'nothing') base.push('false')
  if (query.limited !== undefined) base.push(`b.limited = ${parameters.add(query.limited)}`)
  if (query.available !== undefined) base.push(`${query.available ? '' : 'not '}(${canBeBought})`)
  if (query.minPrice !== undefined) base.push(`b.price_amount >= ${parameters.add(bounded(query.minPrice))}`)
  if (query.maxPrice !== undefined) base.push(`b.price_amount <= ${parameters.add(bounded(query.maxPrice))}`)
  return {
    base: base.length === 0 ? everything : base.join(' and '),
    subject:
      query.subject === undefined
        ? everything
        : `b.subjects @> array[${parameters.add(query.subject)}::text]`,
    format: query.format === undefined ? everything : `b.format = ${parameters.add(query.format)}`,
    language: languageCondition(query.language, parameters),
  }
}

const canBeBought = 's.copies - s.held - s.sold > 0 and (b.sales_open_at is null or b.sales_open_at <= now())'

/** `en` finds `en-GB` as well, but not the other way round. Source: RFC 4647 section 3.3.1, basic filtering. */
function languageCondition(range: string | undefined, parameters: Parameters): string {
  if (range === undefined) return everything
  const given = parameters.add(range.toLowerCase())
  return `(lower(b.language) = ${given} or starts_with(lower(b.language), ${given} || '-')) is true`
}

/** Numbers beyond what a price can be compare the same as the greatest safe one, which every column type takes. */
const bounded = (amount: number) => Math.min(amount, Number.MAX_SAFE_INTEGER)

function refuseControlCharacters(query: BookQuery): void {
  const errors: FieldError[] = []
  for (const field of ['subject', 'format', 'language'] as const)
    if (/\p{Cc}/u.test(query[field] ?? '')) errors.push({ field, message: 'has control characters' })
  if (errors.length > 0) throw invalid(errors)
}
