import type { Database } from '#ports/database'
import { insertRows } from '../../src/services/catalog/store/mariadb/rows.ts'
import { trigramsOf } from '../../src/services/catalog/store/mariadb/words.ts'
import { syntheticIsbn } from './synthetic-books.ts'

/** Fills an empty catalogue on MariaDB with books as `addSyntheticBooks` makes them. */
export async function addSyntheticBooksToMariadb(database: Database, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, i) => bookOf(i + 1))
  const insert = (table: string, columns: readonly string[], rows: readonly (readonly unknown[])[]) =>
    insertRows(database, `INSERT INTO ${table}`, columns, rows)
  await insert(
    'books',
    Object.keys(all[0]?.row ?? {}),
    all.map(({ row }) => Object.values(row)),
  )
  await insert(
    'stock',
    ['isbn', 'copies', 'sold'],
    all.map(({ row, sold }) => [row.isbn, 1_000, sold]),
  )
  const words = all.flatMap(({ row, words }) => words.map((word) => [word, row.isbn, 500_000] as const))
  await insert('book_words', ['word', 'isbn', 'points'], words)
  await insert(
    'book_subjects',
    ['subject', 'isbn'],
    all.flatMap(({ row, subjects }) => subjects.map((subject) => [subject, row.isbn])),
  )
  const vocabulary = [...new Set(words.map(([word]) => word))].map(
    (word) => [word, trigramsOf(word)] as const,
  )
  await insert(
    'words',
    ['word', 'trigrams'],
    vocabulary.map(([word, its]) => [word, its.length]),
  )
  await insert(
    'word_trigrams',
    ['trigram', 'word'],
    vocabulary.flatMap(([word, its]) => its.map((trigram) => [trigram, word])),
  )
  await database.query('ANALYZE TABLE books, stock, book_words, book_subjects, words, word_trigrams')
}

/** Numbers that follow each other become such that do not. Source: Knuth, multiplicative hashing. */
const scattered = (i: number) => Math.imul(i, 2_654_435_761) >>> 1

function bookOf(i: number) {
  const h = scattered(i)
  const words = [`w${h % 5003}`, `v${h % 701}`, `u${i}`]
  const language = i % 9973 === 5 ? 'cy' : h % 10 < 6 ? 'en-GB' : h % 10 < 9 ? 'de' : 'fr'
  const price = 500 + (h % 4000)
  const subjects = [`s${h % 20}`, `t${Math.floor(h / 20) % 2000}`]
  const title = words.join(' ')
  const row = {
    ...{
      isbn: syntheticIsbn(i),
      title,
      title_folded: title,
      contributors: '[]',
      prices: '[]',
      details: '{}',
    },
    ...{ published_sort: (1900 + (h % 125)) * 10_000, language, language_folded: language.toLowerCase() },
    ...{ language_primary: language.split('-')[0], subjects: JSON.stringify(subjects) },
    format: i % 9967 === 7 ? 'braille' : h % 3 === 0 ? 'hardcover' : 'paperback',
    ...{ price_amount: price, price_currency: 'EUR', price_up: price, price_down: price },
    ...{ limited: i % 7001 === 3 ? 1 : 0, made: '', words_digest: '', keys_version: 1 },
  }
  return { row, words, subjects, sold: Math.floor(500 / (1 + (scattered(h) % 100_000))) }
}
