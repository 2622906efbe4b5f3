import { checkDigit13 } from '#kernel/isbn'
import type { Database } from '#ports/database'

/** Of the book with that number. */
export function syntheticIsbn(i: number): string {
  const twelve = `979${String(i).padStart(9, '0')}`
  return twelve + checkDigit13(twelve)
}

/** A statement takes seconds, however many books there are to be. */
const booksPerStatement = 50_000

const digit = (place: number) => `substr(isbn, ${place}, 1)::int`
const weighted = Array.from({ length: 12 }, (_, i) => `${digit(i + 1)} * ${i % 2 === 0 ? 1 : 3}`).join(' + ')

/**
 * Fills an empty catalogue with made-up books, in no particular order: common and rare subjects,
 * formats and languages, titles of a few words each, and copies sold as the world buys, few titles often and most never.
 */
export async function addSyntheticBooks(database: Database, count: number): Promise<void> {
  for (let first = 1; first <= count; first += booksPerStatement)
    await addBooks(database, first, Math.min(count, first + booksPerStatement - 1))
  await database.execute('ANALYZE catalog.books, catalog.stock')
}

async function addBooks(database: Database, first: number, last: number): Promise<void> {
  await database.execute(
    `INSERT INTO catalog.books (isbn, title, contributors, published_on, language, format, subjects, price_amount,
                                price_currency, limited, title_folded, search, published_sort, language_primary, keys_version)
     SELECT isbn || (10 - (${weighted}) % 10) % 10, title, '[]', year::text, language, format, subjects, price, 'EUR',
            i % 7001 = 3, title, to_tsvector('simple', title), year * 10000, split_part(language, '-', 1), 1
       FROM (SELECT i, h, '979' || lpad(i::text, 9, '0') AS isbn, 'w' || h % 5003 || ' v' || h % 701 || ' u' || i AS title, 1900 + h % 125 AS year,
                    CASE WHEN i % 9973 = 5 THEN 'cy' WHEN h % 10 < 6 THEN 'en-GB' WHEN h % 10 < 9 THEN 'de' ELSE 'fr' END AS language,
                    CASE WHEN i % 9967 = 7 THEN 'braille' WHEN h % 3 = 0 THEN 'hardcover' ELSE 'paperback' END AS format,
                    ARRAY['s' || h % 20, 't' || (h / 20) % 2000] AS subjects, 500 + h % 4000 AS price
               FROM (SELECT i, hashint4(i) & 2147483647 AS h FROM generate_series($1::int, $2::int) AS i) numbers) made
      ORDER BY h`,
    [first, last],
  )
  await database.execute(
    `INSERT INTO catalog.stock (isbn, copies, sold)
     SELECT isbn, 1000, (500 / (1 + abs(hashtext(isbn)) % 100000))::int FROM catalog.books
      WHERE isbn BETWEEN '979' || lpad($1::text, 9, '0') AND '979' || lpad($2::text, 9, '0') || '9'`,
    [first, last],
  )
}
