import type { Availability, Book } from '#services/gateway'
import { yearText } from './dates.ts'
import { locale } from './locale.ts'

/** `Jane Austen`, `Ilf and Petrov`, `A, B and C`; translators and illustrators are left to the facts. */
export function byline(book: Pick<Book, 'contributors'>): string {
  const authors = book.contributors.filter((c) => c.role.toLowerCase() === 'author')
  const names = (authors.length > 0 ? authors : book.contributors).map((c) => c.name)
  if (names.length > 3) return `${names[0]} and others`
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** `en` → `English`; the code itself where the browser knows no name. */
export function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code
  } catch {
    return code
  }
}

/** `hardcover` → `Hardcover`, `ebook-card` → `Ebook card`. */
export function sentenceCase(word: string): string {
  const text = word.replaceAll('-', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `1 copy`, `1 250 copies`. */
export function copies(n: number): string {
  return `${new Intl.NumberFormat(locale()).format(n)} ${n === 1 ? 'copy' : 'copies'}`
}

export type StockText = { tone: 'good' | 'warn' | 'rubric' | 'none'; text: string }

/** What a reader is told of the stock. Exact numbers only where they matter: few copies, or a limited edition. */
export function stockText(
  availability: Pick<Availability, 'available' | 'status'>,
  limited = false,
): StockText {
  const { available, status } = availability
  switch (status) {
    case 'in-stock':
      return limited
        ? { tone: 'rubric', text: `Limited, ${available} left` }
        : { tone: 'good', text: 'In stock' }
    case 'low':
      return {
        tone: limited ? 'rubric' : 'warn',
        text: available === 1 ? 'Last copy' : `Only ${available} left`,
      }
    case 'sold-out':
      return { tone: 'none', text: 'Sold out' }
    case 'upcoming':
      return { tone: 'rubric', text: limited ? 'Opens soon' : 'Not for sale yet' }
    default:
      return status satisfies never
  }
}

/** The facts of an edition, as a reader would look them up; rows without a value are left out. */
export function bookFacts(book: Book): { name: string; value: string }[] {
  const { originalTitle, pages, minutes, edition, series, imprint, illustrations, audience, height, width } =
    book.details ?? {}
  const others = book.contributors.filter((c) => c.role.toLowerCase() !== 'author')
  const rows: { name: string; value: string | null }[] = [
    ...others.map((c) => ({ name: sentenceCase(c.role), value: c.name })),
    { name: 'Original title', value: originalTitle ?? null },
    { name: 'First published', value: book.publishedOn && yearText(book.publishedOn) },
    { name: 'Publisher', value: book.publisher },
    { name: 'Format', value: sentenceCase(book.format) },
    { name: 'Language', value: book.language && languageName(book.language) },
    {
      name: 'Series',
      value: series?.map(({ title, number }) => (number ? `${title}, ${number}` : title)).join('; ') ?? null,
    },
    { name: 'Edition', value: edition ?? null },
    { name: 'Imprint', value: imprint && imprint !== book.publisher ? imprint : null },
    { name: 'Pages', value: pages ? String(pages) : null },
    { name: 'Length', value: minutes ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : null },
    { name: 'Illustrations', value: illustrations ?? null },
    { name: 'Size', value: height && width ? `${height} × ${width} mm` : null },
    { name: 'For', value: audience?.join(', ') ?? null },
    { name: 'ISBN', value: book.isbn },
  ]
  return rows.flatMap(({ name, value }) => (value ? [{ name, value }] : []))
}
