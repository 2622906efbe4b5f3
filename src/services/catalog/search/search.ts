import type { BookFinder } from '../store/book-store.ts'
import { fold, withLatinDigits, wordsOf } from './fold.ts'
import { splitIsbns } from './isbns-in-text.ts'
import { mayBeMisspelt, maySlip, nearest, slips } from './nearest-words.ts'
import { withNumbersTurned } from './numbers-in-words.ts'
import { otherSpacings, wordsOtherwiseSpaced } from './other-spacings.ts'
import type { Search, TitleScore, WordSearch } from './word-search.ts'

const wordsMax = 12
/** How many words of the vocabulary are looked at for one that nobody wrote. */
const alikeMax = 60
/** In how many ways the words in a row are looked for in titles. */
const phrasesMax = 12
/** Words below this length are too common to search by on their own when the whole query finds nothing. */
const tellingLengthMin = 4
/** In how many other ways the words are read, each a look at the index. */
const otherwiseMax = 6

/** Reads a search box: ISBNs anywhere in it, words, beginnings of words, and words that are nearly right. */
export async function readSearch(books: BookFinder, text: string): Promise<Search> {
  const cleaned = withLatinDigits(printable(text).normalize('NFKC'))
  if (cleaned === '') return { kind: 'all' }
  const { isbns, guesses, rest } = splitIsbns(cleaned)
  const asked = [...isbns, ...guesses]
  const known = asked.length === 0 ? [] : await books.knownIsbns(asked)
  if (known.length > 0)
    return { kind: 'words', needs: 'any', words: [known], title: titleScore([known.join(' ')]) }
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

/**
 * A word with what it may have been meant as, most probable first, and how it would then stand in a title; `unfinished`
 * when it may as well be the beginning of a longer one, `strange` when no word of the vocabulary begins so.
 */
type Meant = {
  word: string
  readings: readonly string[]
  spellings: readonly string[]
  unfinished: boolean
  strange: boolean
}

/**
 * Tries the words as read, with the nearest words for those that nobody wrote; with their spaces elsewhere and their
 * numbers the other way round; with the nearest words for all, because a slip may make another word ("jane austin");
 * without one that may be no word; then any telling word. A word that nobody wrote is rather two than another one.
 */
async function firstThatFinds(books: BookFinder, words: readonly string[]): Promise<Search> {
  const alike = rememberedAlike(books)
  const read = await readWords(books, words, alike)
  const understood = read.filter(({ readings }) => readings.length > 0)
  const asRead = understood.length === read.length ? [searchFor(read, 'every')] : []
  const isStrange = read.some(({ strange }) => strange)
  const found =
    (await firstFound(books, isStrange ? [] : asRead)) ??
    (await firstFound(books, await readOtherwise(books, read))) ??
    (await firstFound(books, isStrange ? asRead : []))
  if (found !== undefined) return found
  if (asRead.length > 0) {
    const reread = searchFor(await readAgain(read, alike), 'every')
    if (await books.finds(reread)) return reread
  }
  const telling = understood.filter(isTelling)
  if (telling.length === 0) return { kind: 'nothing' }
  const most = mostOf(understood, read.length).map((some) => searchFor(some, 'every'))
  return (await firstFound(books, most)) ?? searchFor(telling, 'any')
}

const isTelling = ({ word }: Meant) => word.length >= tellingLengthMin

async function firstFound(books: BookFinder, searches: readonly WordSearch[]): Promise<Search | undefined> {
  for (const search of searches) if (await books.finds(search)) return search
  return undefined
}

/** The words with spaces elsewhere, or with numbers as words and words as numbers; each taken as it then stands. */
async function readOtherwise(books: BookFinder, read: readonly Meant[]): Promise<WordSearch[]> {
  const words = read.map(({ word }) => word)
  const known = await books.knownWords(wordsOtherwiseSpaced(words))
  const isStrange = (word: string) => read.some((each) => each.word === word && each.strange)
  const spaced = otherSpacings(words, isStrange, (word) => known.has(word))
  const turned = withNumbersTurned(words)
  const before = new Map(read.map((each) => [each.word, each]))
  return [...spaced, ...(turned === undefined ? [] : [turned])]
    .map((ways) => ways.map((word) => before.get(word) ?? asItStands(word)))
    .filter((ways) => ways.every(({ readings }) => readings.length > 0))
    .slice(0, otherwiseMax)
    .map((ways) => searchFor(ways, 'every'))
}

const asItStands = (word: string): Meant => {
  const readings = [word]
  return { word, readings, spellings: readings, unfinished: false, strange: false }
}

/** What was understood, if that is not all; then all but a word that may be none, as long as it tells something. */
function mostOf(understood: readonly Meant[], asked: number): Meant[][] {
  const without = understood
    .filter(({ strange, unfinished }) => strange || unfinished)
    .map((one) => understood.filter((each) => each !== one))
  const all = understood.length < asked ? [[...understood], ...without] : without
  return all.filter((some) => some.some(isTelling)).slice(0, otherwiseMax)
}

type Alike = (words: readonly string[]) => Promise<string[][]>

/** Words that look like others, each looked for once however often it is read: nothing else here takes as long. */
function rememberedAlike(books: BookFinder): Alike {
  const known = new Map<string, string[]>()
  return async (words) => {
    const unknown = words.filter((word) => !known.has(word))
    const found = unknown.length === 0 ? [] : await books.alike(unknown, alikeMax)
    for (const [i, word] of unknown.entries()) known.set(word, found[i] ?? [])
    return words.map((word) => known.get(word) ?? [])
  }
}

/** Long numbers are taken as they are: they are ISBNs, or parts of them, and no vocabulary has those. */
const isLongNumber = (word: string) => /^\d{5,}$/.test(word)

/**
 * The words as they stand, with the nearest ones for those that no book has. What only begins other words may be a word
 * still being typed or one with a slip in it ("poter"), so it is read as both.
 */
async function readWords(books: BookFinder, words: readonly string[], alikeTo: Alike): Promise<Meant[]> {
  const asked = words.filter((word) => !isLongNumber(word))
  const [beginnings, whole] = await Promise.all([books.knownBeginnings(asked), books.knownWords(asked)])
  const doubtful = asked.filter(
    (word) => mayBeMisspelt(word) && (!beginnings.has(word) || (!whole.has(word) && maySlip(word))),
  )
  const alike = await alikeTo(doubtful)
  return words.map((word) => {
    const place = doubtful.indexOf(word)
    if (place < 0) {
      const isKnown = isLongNumber(word) || beginnings.has(word)
      const readings = isKnown ? [word] : []
      return { word, readings, spellings: readings, unfinished: false, strange: !isKnown }
    }
    const candidates = alike[place] ?? []
    if (!beginnings.has(word)) {
      const readings = nearest(word, candidates)
      return { word, readings, spellings: readings, unfinished: false, strange: true }
    }
    const spellings = slips(word, candidates)
    const others = spellings.filter((each) => !each.startsWith(word))
    return {
      word,
      readings: [word, ...others],
      spellings: spellings.length === 0 ? [word] : spellings,
      unfinished: true,
      strange: false,
    }
  })
}

/** Adds the nearest words to those that were taken as they stood. */
async function readAgain(words: readonly Meant[], alikeTo: Alike): Promise<Meant[]> {
  const doubtful = words.map(({ word }) => word).filter(mayBeMisspelt)
  const alike = await alikeTo(doubtful)
  return words.map((meant) => {
    const { word, readings } = meant
    const others = (alike[doubtful.indexOf(word)] ?? []).filter((each) => each !== word)
    return { ...meant, readings: [...new Set([...readings, ...nearest(word, others)])] }
  })
}

function searchFor(words: readonly Meant[], needs: WordSearch['needs']): WordSearch {
  const typed = words.map(({ word }) => word).join(' ')
  const title = titleScore(phrasesOf(words), words.at(-1)?.unfinished ? [typed] : [])
  return { kind: 'words', needs, words: words.map(({ readings }) => readings), title }
}

/**
 * How the words may stand in a row, the most probable first. A title that has the row bears out a spelling; for a word on
 * its own nothing does, and only the likest counts.
 */
function phrasesOf(words: readonly Meant[]): string[] {
  let rows: string[][] = [[]]
  for (const { word, spellings } of words) {
    const spelled = spellings.length === 0 ? [word] : spellings.slice(0, words.length === 1 ? 1 : phrasesMax)
    rows = spelled.flatMap((each) => rows.map((row) => [...row, each])).slice(0, phrasesMax)
  }
  return rows.map((row) => row.join(' '))
}

/**
 * An exact title first, then titles that begin with the words, then titles that hold them in a row.
 * @param read the folded words in a row, in each way they may be read
 * @param unfinished such rows whose last word may go on
 */
function titleScore(read: readonly string[], unfinished: readonly string[] = []): TitleScore {
  const turned = withNumbersTurned(read[0]?.split(' ') ?? [])?.join(' ')
  const phrases = turned === undefined ? read : [...read, turned]
  const titles = phrases.flatMap((each) => [each, `the ${each}`, `a ${each}`, `an ${each}`])
  const series = phrases.flatMap((each) => [`(${each}, #`, `(the ${each}, #`])
  const starts = [...phrases.map((each) => `${each} `), ...unfinished]
  return {
    is: { titles, score: 300 },
    begins: { beginnings: starts.flatMap((each) => [each, `the ${each}`]), score: 200 },
    holds: { parts: starts.map((each) => ` ${each}`), score: 100 },
    series: { parts: series, firsts: series.map((part) => `${part}1)`), score: 10 },
  }
}
