import type { BookFields } from '../books/book-fields.ts'
import { fold, foldTitle, wordsOf } from './fold.ts'
import { withNumbersTurned } from './numbers-in-words.ts'

/** What a book is found and sorted by, computed here so that it is the same in every store. */
export type BookKeys = {
  version: number
  /** The folded title, without a series. */
  title: string
  /** The words of the book in their order, those that weigh most first. */
  words: readonly { weight: Weight; words: readonly string[] }[]
  /** Year, month or day as a number that sorts; far below all others without a date. */
  publishedOn: number
  /** The first part of the language's BCP 47 tag, by which readers choose. */
  language: string | null
}

/** What a word is worth where it stands: in the title, a name, the subtitle, or a subject and the ISBN. */
export const weights = { title: 1, name: 0.9, subtitle: 0.3, subject: 0.1 } as const
export type Weight = keyof typeof weights

/** Goes up with every change to what is computed here; books with older keys then get new ones. */
export const keysVersion = 4

/** A book as it is written to a store: its fields, and what it will be found and sorted by. */
export type BookEntry = { isbn: string; fields: BookFields; keys: BookKeys }

export function entryOf(isbn: string, fields: BookFields): BookEntry {
  return { isbn, fields, keys: keysOf(isbn, fields) }
}

export type FoundBy = Pick<
  BookFields,
  'title' | 'subtitle' | 'contributors' | 'subjects' | 'publishedOn' | 'language'
> & { details?: Pick<BookFields['details'], 'originalTitle' | 'subjects'> }

export function keysOf(isbn: string, book: FoundBy): BookKeys {
  const names = book.contributors.map(({ name }) => name).join(' | ')
  const title = wordsOf(fold(book.title))
  return {
    version: keysVersion,
    title: foldTitle(book.title),
    words: [
      { weight: 'title', words: title },
      // "1984" is asked for as "nineteen eighty four", and the other way round.
      { weight: 'subtitle', words: (withNumbersTurned(title) ?? []).filter((word) => !title.includes(word)) },
      { weight: 'subtitle', words: wordsOf(fold(book.subtitle ?? '')) },
      { weight: 'subtitle', words: wordsOf(fold(book.details?.originalTitle ?? '')) },
      { weight: 'name', words: wordsOf(fold(names)) },
      { weight: 'subject', words: wordsOf(fold(book.subjects.join(' | '))) },
      { weight: 'subject', words: [isbn, ...isbn10Stem(isbn)] },
      { weight: 'subject', words: themaWords(book.details?.subjects ?? []) },
    ],
    publishedOn: publishedKey(book.publishedOn),
    language: book.language?.split('-', 1)[0] ?? null,
  }
}

/**
 * A code of Thema as a word, which begins as the words of all categories above it do. Its first letter is one that no
 * reader writes, so that codes are found by the filter alone.
 */
export const themaWord = (code: string) => `\u16a6${code.toLowerCase().replace(/[^a-z0-9]/g, '')}`

/** Categories and qualifiers. Source: ONIX code list 27. */
const themaSchemes = ['93', '94', '95', '96', '97', '98', '99']

const themaWords = (subjects: readonly { scheme: string; code: string }[]) => [
  ...new Set(
    subjects
      .filter(({ scheme }) => themaSchemes.includes(scheme))
      .map(({ code }) => themaWord(code.slice(0, 20))),
  ),
]

/** The ten digits without the check digit: enough to find a book while its ISBN-10 is typed. */
function isbn10Stem(isbn: string): string[] {
  return isbn.startsWith('978') ? [isbn.slice(3, 12)] : []
}

const undated = -2_147_483_648

function publishedKey(publishedOn: string | null): number {
  const [, sign, year, month = 0, day = 0] =
    /^(-?)(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(publishedOn ?? '') ?? []
  if (year === undefined) return undated
  return Number(`${sign}1`) * Number(year) * 10_000 + Number(month) * 100 + Number(day)
}
