import type { Statements } from '#ports/database'
import { type BookKeys, weights } from '../../search/book-keys.ts'
import { insertRows, list } from './rows.ts'

/** What a book is found by, and the subjects it is chosen by. */
export type BookWords = { isbn: string; keys: Pick<BookKeys, 'words'>; subjects: readonly string[] }

const pointsPerUnit = 1_000_000
/** The sum of 1/i² for all i: what a word can get by being there over and over. */
const repetitionLimit = Math.PI ** 2 / 6

/**
 * What each word says of its book: the weight of the best place it stands at, and less for each further one; less in a
 * book of many words. Source: `ts_rank` of PostgreSQL (tsrank.c, calc_rank_or) with normalisation 1, so that both
 * databases rank alike.
 */
export function pointsOf({ words: parts }: Pick<BookKeys, 'words'>): Map<string, number> {
  const stands = new Map<string, number[]>()
  let count = 0
  for (const { weight, words } of parts)
    for (const word of words) {
      count++
      const places = stands.get(word) ?? []
      places.push(weights[weight])
      stands.set(word, places)
    }
  const length = Math.log2(count + 1)
  return new Map(
    [...stands].map(([word, places]) => {
      const best = Math.max(...places)
      const at = places.indexOf(best) + 1
      const all = places.reduce((sum, weight, i) => sum + weight / (i + 1) ** 2, 0)
      const rank = (best + all - best / at ** 2) / repetitionLimit
      return [word, Math.round((rank / length) * pointsPerUnit)]
    }),
  )
}

export { pointsPerUnit }

/** Writes the words and subjects of books that have none yet. */
export async function writeWords(on: Statements, books: readonly BookWords[]): Promise<void> {
  const words = books.flatMap(({ isbn, keys }) =>
    [...pointsOf(keys)].map(([word, points]) => [word, isbn, points] as const),
  )
  const subjects = books.flatMap(({ isbn, subjects }) => [...new Set(subjects)].map((each) => [each, isbn]))
  await insertRows(on, 'INSERT INTO book_words', ['word', 'isbn', 'points'], words)
  await insertRows(on, 'INSERT INTO book_subjects', ['subject', 'isbn'], subjects)
  await collectWords(
    on,
    words.map(([word]) => word),
  )
}

export async function rewriteWords(on: Statements, books: readonly BookWords[]): Promise<void> {
  if (books.length === 0) return
  const isbns = books.map(({ isbn }) => isbn)
  for (const table of ['book_words', 'book_subjects'])
    await on.execute(`DELETE FROM ${table} WHERE isbn IN (${list(isbns.length)})`, isbns)
  await writeWords(on, books)
}

/** Numbers this long are ISBNs or parts of them, which nobody mistypes as a word. */
const isLongNumber = (word: string) => /^\d{9,}$/.test(word)
const lookedUpMax = 1_000

/** Adds what is new to the vocabulary. */
async function collectWords(on: Statements, all: readonly string[]): Promise<void> {
  // In order, so that two writers with the same new words wait for each other and never in a ring.
  const words = [...new Set(all)].filter((word) => !isLongNumber(word)).sort()
  const fresh: string[] = []
  for (let from = 0; from < words.length; from += lookedUpMax) {
    const some = words.slice(from, from + lookedUpMax)
    const rows = await on.query<{ word: string }>(
      `SELECT word FROM words WHERE word IN (${list(some.length)})`,
      some,
    )
    const known = new Set(rows.map(({ word }) => word))
    fresh.push(...some.filter((word) => !known.has(word)))
  }
  const grams = fresh.map((word) => [word, trigramsOf(word)] as const)
  // Who comes second finds them there.
  await insertRows(
    on,
    'INSERT INTO words',
    ['word', 'trigrams'],
    grams.map(([word, its]) => [word, its.length]),
    'ON DUPLICATE KEY UPDATE trigrams = trigrams',
  )
  const rows = grams.flatMap(([word, its]) => its.map((trigram) => [trigram, word]))
  await insertRows(
    on,
    'INSERT INTO word_trigrams',
    ['trigram', 'word'],
    rows,
    'ON DUPLICATE KEY UPDATE trigram = trigram',
  )
}

/** Each three characters of a word in a row, with two marks before and one behind it. Source: PostgreSQL's pg_trgm. */
export function trigramsOf(word: string): string[] {
  const characters = [...`__${word}_`]
  return [...new Set(characters.slice(2).map((_, i) => characters.slice(i, i + 3).join('')))]
}
