import { formatMoney } from '#kernel/money'
import type { Book } from '#services/catalog'

/** Where a page wants the current limited editions. */
export const dropsMarker = '<!-- octavo:drops -->'

/**
 * The cards of the current drops, as list items. Everything that comes from the catalogue is escaped.
 * web/site/src/drops.ts keeps the same markup up to date in the browser.
 */
export function dropCards(books: readonly Book[], locale: string): string {
  return books.map((book) => dropCard(book, locale)).join('')
}

function dropCard(book: Book, locale: string): string {
  const authors = book.contributors.map(({ name }) => name).join(', ')
  const price = priceText(book.price, locale)
  return `<li class="drop-card" data-isbn="${escapeHtml(book.isbn)}"><a href="/shop/books/${escapeHtml(book.isbn)}">\
<img class="drop-cover" src="${escapeHtml(book.cover)}" alt="" width="240" height="360" loading="lazy">\
<span class="drop-title">${escapeHtml(book.title)}</span>\
<span class="drop-author">${escapeHtml(authors)}</span>\
<span class="drop-price">${escapeHtml(price)}</span>\
<span class="drop-status" data-status="${book.availability.status}">${escapeHtml(statusText(book, locale))}</span></a></li>`
}

function priceText(price: Book['price'], locale: string): string {
  if (price === null) return 'Not for sale yet'
  return price.amount === 0 ? 'Free' : formatMoney(price, locale)
}

function statusText({ availability: { available, status }, salesOpenAt }: Book, locale: string): string {
  if (status === 'sold-out') return 'Sold out'
  if (status === 'upcoming') {
    if (salesOpenAt === null) return 'Coming soon'
    // Nobody knows the reader's time zone before their browser does.
    const format = new Intl.DateTimeFormat(locale, {
      dateStyle: 'medium',
      timeStyle: 'short',
      timeZone: 'UTC',
    })
    return `Opens ${format.format(new Date(salesOpenAt))} UTC`
  }
  return available === 1 ? 'Last copy' : `${available} copies left`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
