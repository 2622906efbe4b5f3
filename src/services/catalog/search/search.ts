import type { Database } from '#ports/database'
import { splitIsbns } from './isbns-in-text.ts'
import { nearest } from './nearest-words.ts'

/** What a reader's words ask for. */
export type Search =
  /** Nothing was asked: every book. */
  | { kind: 'all' }
  /** What was asked cannot be in any book. */
  | { kind: 'nothing' }
  | {
      kind: 'words'
      /** Which books match, as a tsquery: every word or its beginning, or what the typist may have meant. */
      matching: string
      /** The same words in full, which rank above beginnings. */
      whole: string
      /** The folded words in a row, for exact titles. */
      phrase: string
    }

const wordsMax = 12
const wordLengthMax = 64
/** How many words of the vocabulary are looked at for one that nobody wrote. */
const alikeMax = 60
/** Words below this length are too common to search by on their own when the whole query finds nothing. */
const tellingLengthMin = 4

/** Reads a search box: ISBNs anywhere in it, words, beginnings of words, and words that are nearly right. */
export async function readSearch(database: Database, text: string): Promise<Search> {
  const cleaned = printable(text)
  if (cleaned === '') return { kind: 'all' }
  const { isbns, rest } = splitIsbns(cleaned)
  const known = isbns.length === 0 ? [] : await knownIsbns(database, isbns)
  if (known.length > 0) return exactly(known)
  const words = await vocabularyOf(database, rest)
  if (words.length === 0) return { kind: 'nothing' }
  return firstThatFinds(database, words)
}

function exactly(isbns: readonly string[]): Search {
  const query = isbns.map((isbn) => `'${isbn}'`).join(' | ')
  return { kind: 'words', matching: query, whole: query, phrase: isbns.join(' ') }
}

/** Without control characters and broken Unicode, which neither a book nor a database can hold. */
function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
}

async function knownIsbns(database: Database, isbns: string[]): Promise<string[]> {
  const rows = await database.query<{ isbn: string }>('select isbn from catalog.books where isbn = any($1)', [
    isbns,
  ])
  return rows.map((row) => row.isbn)
}

type Word = { word: string; known: boolean; alike: string[] }

/** The folded words of a text, each with the vocabulary's words that look like it where no book has it. */
async function vocabularyOf(database: Database, text: string): Promise<Word[]> {
  return database.query<Word>(
    `with asked as (
       select left(word, ${wordLengthMax}) as word, place,
         word ~ '^\\d{5,}$' or exists (select from catalog.words v where starts_with(v.word, a.word)) as known
       from unnest(string_to_array(catalog.fold($1), ' ')) with ordinality as a (word, place)
       where word <> '' order by place limit ${wordsMax}
     )
     select word, known, case when known then '{}'::text[] else ${alikeTo('asked.word')} end as alike
     from asked order by place`,
    [text],
  )
}

const alikeTo = (word: string) =>
  `array(select v.word::text from catalog.words v order by v.word <-> ${word} limit ${alikeMax})`

/** A word with what it may have been meant as, most probable first. */
type Meant = { word: string; readings: readonly string[] }

/**
 * Tries the words as read, with the nearest words for those that nobody wrote; then with the nearest words for all,
 * because a slip may make another word ("jane austin"); then any telling word.
 */
async function firstThatFinds(database: Database, words: readonly Word[]): Promise<Search> {
  const read = words.map(({ word, known, alike }) => ({
    word,
    readings: known ? [word] : nearest(word, alike),
  }))
  const understood = read.filter(({ readings }) => readings.length > 0)
  if (understood.length === read.length) {
    const asRead = joined(read, ' & ')
    if (await finds(database, asRead)) return asRead
    const reread = joined(await readAgain(database, read), ' & ')
    if (await finds(database, reread)) return reread
  }
  const telling = understood.filter(({ word }) => word.length >= tellingLengthMin)
  return telling.length === 0 ? { kind: 'nothing' } : joined(telling, ' | ')
}

/** Adds the nearest words to those that were taken as they stood. */
async function readAgain(database: Database, words: readonly Meant[]): Promise<Meant[]> {
  const rows = await database.query<{ alike: string[] }>(
    `select ${alikeTo('asked.word')} as alike
     from unnest($1::text[]) with ordinality as asked (word, place) order by place`,
    [words.map(({ word }) => word)],
  )
  return words.map(({ word, readings }, i) => {
    const others = (rows[i]?.alike ?? []).filter((each) => each !== word)
    return { word, readings: [...new Set([...readings, ...nearest(word, others)])] }
  })
}

async function finds(database: Database, search: Search & { kind: 'words' }): Promise<boolean> {
  const [row] = await database.query<{ found: boolean }>(
    'select exists (select from catalog.books b where b.search @@ $1::tsquery) as found',
    [search.matching],
  )
  return row?.found ?? false
}

/** Folded words are letters and digits alone, so that quoting them is enough. */
function joined(words: readonly Meant[], operator: ' & ' | ' | '): Search & { kind: 'words' } {
  const either = ({ readings }: Meant, suffix: string) =>
    `(${readings.map((reading) => `'${reading}'${suffix}`).join(' | ')})`
  return {
    kind: 'words',
    matching: words.map((word) => either(word, ':*')).join(operator),
    // Ranking needs no conjunction: a book with more of the words in full ranks higher.
    whole: words.map((word) => either(word, '')).join(' | '),
    phrase: words.map(({ word, readings }) => readings[0] ?? word).join(' '),
  }
}
