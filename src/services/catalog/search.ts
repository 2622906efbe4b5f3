import { parseIsbn } from '#kernel/isbn'
import type { Database } from '#ports/database'
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

/** Finds ISBNs between other words: in one piece, with hyphens or spaces, with "ISBN" before them, in brackets. */
export function splitIsbns(text: string): { isbns: string[]; rest: string } {
  const pieces = text
    .replace(/\bISBN(?:-1[03])?\b:?/gi, ' ')
    .split(/\s+/)
    .filter((piece) => piece !== '')
  const isbns: string[] = []
  const rest: string[] = []
  for (let i = 0; i < pieces.length; ) {
    const taken = isbnAt(pieces, i)
    if (taken === undefined) rest.push(pieces[i++] ?? '')
    else {
      isbns.push(taken.isbn)
      i += taken.pieces
    }
  }
  return { isbns, rest: rest.map(compactDigits).join(' ') }
}

/** An ISBN has at most five groups. */
const groupsMax = 5

function isbnAt(pieces: readonly string[], start: number): { isbn: string; pieces: number } | undefined {
  let digits = ''
  for (let count = 1; count <= groupsMax && start + count <= pieces.length; count++) {
    digits += (pieces[start + count - 1] ?? '').replace(/^[([{"'«]+|[)\]}"'»,;.]+$/g, '')
    if (!/^[\dXx\u2010-\u2013-]{1,17}$/.test(digits)) return undefined
    const parsed = parseIsbn(digits)
    if (parsed.kind === 'ok') return { isbn: parsed.isbn, pieces: count }
  }
  return undefined
}

/** The beginning of an ISBN typed with hyphens is still one number. */
function compactDigits(piece: string): string {
  const compact = piece.replace(/[\u2010-\u2013-]/g, '')
  return /^97[89]\d{2,9}$/.test(compact) || /^\d{5,9}[\dXx]?$/.test(compact) ? compact.slice(0, 13) : piece
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
     select word, known, case when known then '{}'::text[] else array(
         select v.word::text from catalog.words v order by v.word <-> asked.word limit ${alikeMax}
       ) end as alike
     from asked order by place`,
    [text],
  )
}

/** Tries the words as read, then with the nearest words in their place, then any telling word; all in one question. */
async function firstThatFinds(database: Database, words: readonly Word[]): Promise<Search> {
  const meant = words.map((word) => ({
    ...word,
    nearest: word.known ? [word.word] : nearest(word.word, word.alike),
  }))
  const everyWord = meant.every((word) => word.nearest.length > 0) ? conjunction(meant) : undefined
  const telling = meant.filter((word) => word.nearest.length > 0 && word.word.length >= tellingLengthMin)
  const candidates = [everyWord, telling.length > 0 ? disjunction(telling) : undefined].filter(
    (c) => c !== undefined,
  )
  if (candidates.length === 0) return { kind: 'nothing' }
  const [found] = await database.query<{ index: number }>(
    `select index::int - 1 as index from unnest($1::text[]) with ordinality as c (query, index)
     where exists (select from catalog.books b where b.search @@ c.query::tsquery) order by index limit 1`,
    [candidates.map((candidate) => candidate.matching)],
  )
  const chosen = found === undefined ? undefined : candidates[found.index]
  return chosen === undefined ? { kind: 'nothing' } : { kind: 'words', ...chosen }
}

type Meant = Word & { nearest: string[] }
type Query = { matching: string; whole: string; phrase: string }

function conjunction(words: readonly Meant[]): Query {
  return joined(words, ' & ')
}

function disjunction(words: readonly Meant[]): Query {
  return joined(words, ' | ')
}

/** Folded words are letters and digits alone, so that quoting them is enough. */
function joined(words: readonly Meant[], operator: string): Query {
  const either = (word: Meant, suffix: string) =>
    `(${word.nearest.map((each) => `'${each}'${suffix}`).join(' | ')})`
  return {
    matching: words.map((word) => either(word, ':*')).join(operator),
    // Ranking needs no conjunction: a book with more of the words in full ranks higher.
    whole: words.map((word) => either(word, '')).join(' | '),
    phrase: words.map((word) => word.nearest[0] ?? word.word).join(' '),
  }
}
