import type { WordSearch } from '../../search/word-search.ts'
import type { BookFilter, BookOrder } from '../book-store.ts'
import { rankWeights } from './book-rows.ts'
import { type Parameters, priceUp } from './filter-sql.ts'
import { inFull, matching } from './find-words.ts'

/** Negated, so that books that sold alike follow in ISBN order, as everywhere else. */
export const mostSold = '(-s.sold)'

/** What an order sorts by before the ISBN, as `orderKeys` has it; all keys of one order in one direction. */
export function keysOf(order: BookOrder, { search }: BookFilter, parameters: Parameters): string[] {
  switch (order) {
    case 'title':
      return ['b.title_folded']
    // What has no known price comes last either way.
    case 'price':
      return [priceUp]
    case '-price':
      return ['coalesce(b.price_amount, -1)']
    case '-publishedOn':
      return ['b.published_sort']
    case 'bestselling':
      return [mostSold]
    case 'relevance':
      return [search.kind === 'words' ? `-${scoreOf(search, parameters)}` : '0', mostSold]
  }
}

/** The title's score, and text rank in coarse steps, so that what sells decides between books that fit about as well. */
function scoreOf(search: WordSearch, parameters: Parameters): string {
  const { is, begins, holds, series } = search.title
  const texts = (values: readonly string[]) => `${parameters.add(values)}::text[]`
  const stands = (parts: readonly string[]) =>
    `EXISTS (SELECT FROM unnest(${texts(parts)}) AS part WHERE strpos(lower(b.title), part) > 0)`
  const whole = `${parameters.add(inFull(search))}::tsquery`
  const part = `${parameters.add(matching(search))}::tsquery`
  return `(CASE
    WHEN b.title_folded = ANY(${texts(is.titles)}) THEN ${is.score}
    WHEN EXISTS (SELECT FROM unnest(${texts(begins.beginnings)}) AS beginning
                  WHERE starts_with(b.title_folded, beginning)) THEN ${begins.score}
    WHEN EXISTS (SELECT FROM unnest(${texts(holds.parts)}) AS part
                  WHERE strpos(' ' || b.title_folded || ' ', part) > 0) THEN ${holds.score}
    ELSE 0 END
    + ${series.score} * ((${stands(series.parts)})::int + (${stands(series.firsts)})::int)
    + round(20 * ts_rank(${rankWeights}, b.search, ${whole}, 1) + 10 * ts_rank(${rankWeights}, b.search, ${part}, 1))::int)`
}
