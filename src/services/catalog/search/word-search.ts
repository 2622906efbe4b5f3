/** What a reader's words ask for. */
export type Search =
  /** Nothing was asked: every book. */
  | { kind: 'all' }
  /** What was asked cannot be in any book. */
  | { kind: 'nothing' }
  | WordSearch

/** Words to be found in books: folded, letters and digits alone. */
export type WordSearch = {
  kind: 'words'
  /** Whether a book needs every word, or any. */
  needs: 'every' | 'any'
  /** For each word its readings; a book has the word if it has one that begins with a reading. A whole one ranks higher. */
  words: readonly (readonly string[])[]
  title: TitleScore
}

/** How a folded title scores before anything else is looked at; the first that holds counts. */
export type TitleScore = {
  /** Titles that are the words, with or without an article before them. */
  is: { titles: readonly string[]; score: number }
  /** Beginnings of titles. */
  begins: { beginnings: readonly string[]; score: number }
  /** Any of them stands in the title put between two spaces. */
  holds: { parts: readonly string[]; score: number }
  /**
   * Added where any of them stands in the title as it is written, in lower case, and once more for the first of a series:
   * books of a series come before those about it.
   */
  series: { parts: readonly string[]; firsts: readonly string[]; score: number }
}
