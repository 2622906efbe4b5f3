import type { BookQuery } from '../src/services/catalog/books/book-filters.ts'
import { syntheticIsbn } from '../test/support/synthetic-books.ts'

/** Of book `i` as readers have it: from a link, from the cover, from an older book. */
const isbnForms = [
  (isbn: string) => isbn,
  (isbn: string) => `${isbn.slice(0, 3)}-${isbn.slice(3, 5)}-${isbn.slice(5, 12)}-${isbn.slice(12)}`,
  (isbn: string) => `ISBN ${isbn} 51299`,
]

/**
 * What readers ask a catalogue of made-up books for, by what it is. `titles` takes the words of titles that there are, so
 * that all of a search's words are found in one book, as readers' are.
 * @param books how many there are, of which some are asked for by their ISBN
 */
export function listQueries(books: number) {
  const titles: string[][] = []
  const wordsOf = (i: number) => titles[i % titles.length] ?? []
  const queries: Record<string, (i: number) => BookQuery> = {
    'first page': () => ({}),
    'by title, second page on': () => ({ sort: 'title' }),
    'a common subject': (i) => ({ subject: `s${i % 20}` }),
    'a rare subject': (i) => ({ subject: `t${i % 2000}` }),
    'a format and a language': () => ({ format: 'hardcover', language: 'de' }),
    'what can be bought': () => ({ available: true }),
    'what cannot be bought': () => ({ available: false }),
    'two words': (i) => ({ q: wordsOf(i).slice(0, 2).join(' ') }),
    'a typo': (i) => ({ q: `${wordsOf(i)[2]}x` }),
    'two words, one with a typo': (i) => ({ q: `${wordsOf(i)[0]} ${wordsOf(i)[2]}x` }),
    'a beginning': (i) => ({ q: `w${i % 500}` }),
    'an ISBN in some form': (i) => ({
      q: (isbnForms[i % isbnForms.length] ?? String)(syntheticIsbn(1 + (i % books))),
    }),
    'an ISBN that is not there': (i) => ({ q: syntheticIsbn(900_000_000 + i) }),
  }
  return { titles, queries }
}
