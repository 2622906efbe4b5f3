import type { WordSearch } from '../../search/word-search.ts'
import type { BookFilter, BookOrder, Place } from '../book-store.ts'
import { list } from './rows.ts'
import { everything, type Sql } from './sql.ts'
import { pointsPerUnit } from './words.ts'

const column = (sql: string): Sql => ({ sql, params: [] })
/** Negated, so that books that sold alike follow in ISBN order, as everywhere else. */
const mostSold = column('-s.sold')

/** What an order sorts by before the ISBN, as `orderKeys` has it; all keys of one order in one direction. */
export function keysOf(order: BookOrder, { search }: BookFilter): Sql[] {
  switch (order) {
    case 'title':
      return [column('b.title_folded')]
    case 'price':
      return [column('b.price_up')]
    case '-price':
      return [column('b.price_down')]
    case '-publishedOn':
      return [column('b.published_sort')]
    case 'bestselling':
      return [mostSold]
    case 'relevance':
      return [search.kind === 'words' ? scoreOf(search) : column('0'), mostSold]
  }
}

/** The index that has an order, by which a page costs what it shows. */
export const indexOf: Readonly<Record<Exclude<BookOrder, 'relevance'>, string>> = {
  title: 'books_title',
  price: 'books_price_up',
  '-price': 'books_price_down',
  '-publishedOn': 'books_published',
  bestselling: 'stock_bestselling',
}

/** `(a, b) > (x, y)`, in the form that indexes are used for; what each part begins with is said once more before it. */
export function beyondPlace(names: readonly string[], place: Place, direction: 'ASC' | 'DESC'): Sql {
  const than = direction === 'ASC' ? '>' : '<'
  const [first] = names
  if (first === undefined) return everything
  const ways = names.map((name, i) => ({
    sql: [...names.slice(0, i).map((before) => `${before} = ?`), `${name} ${than} ?`].join(' AND '),
    params: place.slice(0, i + 1),
  }))
  return {
    sql: `${first} ${than}= ? AND (${ways.map(({ sql }) => `(${sql})`).join(' OR ')})`,
    params: [place[0], ...ways.flatMap(({ params }) => params)],
  }
}

/** The title's score, and text rank in coarse steps, so that what sells decides between books that fit about as well. */
function scoreOf({ title: { is, begins, holds, series } }: WordSearch): Sql {
  const stands = (parts: readonly string[]) => parts.map(() => 'INSTR(LOWER(b.title), ?) > 0').join(' OR ')
  return {
    sql: `-(CASE WHEN b.title_folded IN (${list(is.titles.length)}) THEN ${is.score}
      WHEN ${begins.beginnings.map(() => 'b.title_folded LIKE ?').join(' OR ')} THEN ${begins.score}
      WHEN ${holds.parts.map(() => "INSTR(CONCAT(' ', b.title_folded, ' '), ?) > 0").join(' OR ')} THEN ${holds.score}
      ELSE 0 END
      + ${series.score} * ((${stands(series.parts)}) + (${stands(series.firsts)}))
      + CAST(ROUND((20 * m.whole + 10 * m.part) / ${pointsPerUnit}) AS SIGNED))`,
    params: [
      ...is.titles,
      ...begins.beginnings.map((beginning) => `${beginning}%`),
      ...holds.parts,
      ...series.parts,
      ...series.firsts,
    ],
  }
}
