import type { BookFilter } from '../book-store.ts'
import { bookTables } from './book-rows.ts'
import { matching } from './find-words.ts'

/** Collects parameters and hands out their `$1`, `$2`, … */
export class Parameters {
  readonly values: unknown[] = []
  add(value: unknown): string {
    return `$${this.values.push(value)}`
  }
}

/** Where the conditions look; only whether a copy can be bought needs the stock. */
export const tablesOf = ({ available }: BookFilter) =>
  available === undefined ? 'catalog.books b' : bookTables

/** Over `bookTables`; facets leave one of the last three out. */
export type Conditions = { base: string; subject: string; format: string; language: string }

export const everything = 'true'
/** What has no known price comes behind every one that has. */
export const priceUp = `coalesce(b.price_amount, ${Number.MAX_SAFE_INTEGER})`
export const allOf = (conditions: Conditions) =>
  Object.values(conditions)
    .filter((each) => each !== everything)
    .join(' AND ') || everything

export function conditionsOf(filter: BookFilter, parameters: Parameters): Conditions {
  const { search, subject, themaWord, format, limited, available, minPrice, maxPrice } = filter
  const base: string[] = []
  if (search.kind === 'words') base.push(`b.search @@ ${parameters.add(matching(search))}::tsquery`)
  if (search.kind === 'nothing') base.push('false')
  if (themaWord !== undefined) base.push(`b.search @@ ${parameters.add(`'${themaWord}':*`)}::tsquery`)
  if (limited !== undefined) base.push(`b.limited = ${parameters.add(limited)}`)
  if (available !== undefined) {
    const now = `${parameters.add(new Date(filter.nowMs))}::timestamptz`
    base.push(available ? canBeBought(now) : `b.isbn IN (${cannotBeBought(now)})`)
  }
  if (minPrice !== undefined)
    base.push(`b.price_amount IS NOT NULL AND ${priceUp} >= ${parameters.add(minPrice)}`)
  if (maxPrice !== undefined)
    base.push(`b.price_amount IS NOT NULL AND ${priceUp} <= ${parameters.add(maxPrice)}`)
  return {
    base: base.length === 0 ? everything : base.join(' AND '),
    subject: subject === undefined ? everything : `b.subjects @> ARRAY[${parameters.add(subject)}::text]`,
    format: format === undefined ? everything : `b.format = ${parameters.add(format)}`,
    language: languageCondition(filter.language, parameters),
  }
}

const canBeBought = (now: string) =>
  `NOT s.gone AND b.price_amount IS NOT NULL AND (b.sales_open_at IS NULL OR b.sales_open_at <= ${now})`

/** The ISBNs for which that is not so, each reason by its own index: together they may be few among many. */
const cannotBeBought = (now: string) => `
  SELECT isbn FROM catalog.stock WHERE gone
  UNION ALL SELECT isbn FROM catalog.books u WHERE ${priceUp.replaceAll('b.', 'u.')} = ${Number.MAX_SAFE_INTEGER} AND u.price_amount IS NULL
  UNION ALL SELECT isbn FROM catalog.books WHERE sales_open_at > ${now}`

function languageCondition(range: string | undefined, parameters: Parameters): string {
  if (range === undefined) return everything
  const given = parameters.add(range.toLowerCase())
  return `(lower(b.language) = ${given} OR starts_with(lower(b.language), ${given} || '-'))`
}
