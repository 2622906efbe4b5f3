import type { BookFinder } from '../store/book-store.ts'
import { fold, wordsOf } from './fold.ts'
import { splitIsbns } from './isbns-in-text.ts'
import { nearest } from './nearest-words.ts'
import { withNumbersTurned } from './numbers-in-words.ts'

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
  /** Stands in the title put between two spaces. */
  holds: { part: string; score: number }
}

const wordsMax = 12
/** How many words of the vocabulary are looked at for one that nobody wrote. */
const alikeMax = 60
/** Words below this length are too common to search by on their own when the whole query finds nothing. */
const tellingLengthMin = 4

/** Reads a search box: ISBNs anywhere in it, words, beginnings of words, and words that are nearly right. */
export async function readSearch(books: BookFinder, text: string): Promise<Search> {
  const cleaned = printable(text)
  if (cleaned === '') return { kind: 'all' }
  const { isbns, guesses, rest } = splitIsbns(cleaned)
  const asked = [...isbns, ...guesses]
  const known = asked.length === 0 ? [] : await books.knownIsbns(asked)
  if (known.length > 0)
    return { kind: 'words', needs: 'any', words: [known], title: titleScore(known.join(' ')) }
  const words = wordsOf(fold(rest)).slice(0, wordsMax)
  if (words.length === 0) return { kind: 'nothing' }
  return firstThatFinds(books, words)
}

/** Without control characters and broken Unicode, which neither a book nor a database can hold. */
function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
}

/** A word with what it may have been meant as, most probable first. */
type Meant = { word: string; readings: readonly string[] }

/**
 * Tries the words as read, with the nearest words for those that nobody wrote; then with the nearest words for all,
 * because a slip may make another word ("jane austin"); then any telling word.
 */
async function firstThatFinds(books: BookFinder, words: readonly string[]): Promise<Search> {
  const read = await readWords(books, words)
  const understood = read.filter(({ readings }) => readings.length > 0)
  if (understood.length === read.length) {
    const asRead = searchFor(read, 'every')
    if (await books.finds(asRead)) return asRead
    const reread = searchFor(await readAgain(books, read), 'every')
    if (await books.finds(reread)) return reread
  }
  const telling = understood.filter(({ word }) => word.length >= tellingLengthMin)
  return telling.length === 0 ? { kind: 'nothing' } : searchFor(telling, 'any')
}

/** Long numbers are taken as they are: they are ISBNs, or parts of them, and no vocabulary has those. */
const isLongNumber = (word: string) => /^\d{5,}$/.test(word)

/** The words as they stand, with the nearest ones for those that no book has. */
async function readWords(books: BookFinder, words: readonly string[]): Promise<Meant[]> {
  const beginnings = await books.knownBeginnings(words.filter((word) => !isLongNumber(word)))
  const strange = words.filter((word) => !isLongNumber(word) && !beginnings.has(word))
  const alike = strange.length === 0 ? [] : await books.alike(strange, alikeMax)
  return words.map((word) => {
    const place = strange.indexOf(word)
    return { word, readings: place < 0 ? [word] : nearest(word, alike[place] ?? []) }
  })
}

/** Adds the nearest words to those that were taken as they stood. */
async function readAgain(books: BookFinder, words: readonly Meant[]): Promise<Meant[]> {
  const alike = await books.alike(
    words.map(({ word }) => word),
    alikeMax,
  )
  return words.map(({ word, readings }, i) => {
    const others = (alike[i] ?? []).filter((each) => each !== word)
    return { word, readings: [...new Set([...readings, ...nearest(word, others)])] }
  })
}

function searchFor(words: readonly Meant[], needs: WordSearch['needs']): WordSearch {
  const phrase = words.map(({ word, readings }) => readings[0] ?? word).join(' ')
  return { kind: 'words', needs, words: words.map(({ readings }) => readings), title: titleScore(phrase) }
}

/**
 * An exact title first, then titles that begin with the words, then titles that hold them in a row.
 * @param phrase the folded words in a row
 */
function titleScore(phrase: string): TitleScore {
  const turned = withNumbersTurned(phrase.split(' '))?.join(' ')
  const phrases = turned === undefined ? [phrase] : [phrase, turned]
  const titles = phrases.flatMap((each) => [each, `the ${each}`, `a ${each}`, `an ${each}`])
  return {
    is: { titles, score: 300 },
    begins: { beginnings: phrases.flatMap((each) => [`${each} `, `the ${each} `]), score: 200 },
    holds: { part: ` ${phrase} `, score: 100 },
  }
}
