import { currentDrops, dropsRead } from '#kernel/drop-order'
import { formatMoney } from '#kernel/money'
import type { Book, BookList } from '#services/gateway'

const refreshEveryMs = 20_000
const requestTimeoutMs = 8_000

/**
 * Keeps the page's drop cards true. The gateway normally has written them into the page; on a plain static host the
 * list is empty and is drawn here. Without an API the page stays as it is, with its link to the shop.
 */
export function showDrops(): void {
  const list = document.querySelector<HTMLUListElement>('ul[data-drops]')
  if (!list) return
  const refresh = async () => {
    const books = await fetchDrops()
    if (books) updateCards(list, currentDrops(books, Number(list.dataset.dropsMax)))
  }
  refresh()
  setInterval(() => document.visibilityState === 'visible' && refresh(), refreshEveryMs)
}

async function fetchDrops(): Promise<Book[] | undefined> {
  try {
    const response = await fetch(`/api/books?limited=true&limit=${dropsRead}`, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(requestTimeoutMs),
    })
    if (!response.ok) return undefined
    return ((await response.json()) as BookList).items
  } catch {
    return undefined
  }
}

/**
 * Rewrites what changed in cards that are there. While it is the same set of books they keep their places, so that no
 * card moves away from under a finger; a different set is drawn anew.
 */
function updateCards(list: HTMLUListElement, books: Book[]): void {
  const cards = books.map((book) => list.querySelector(`[data-isbn="${book.isbn}"]`))
  if (list.children.length !== books.length || cards.some((card) => !card)) {
    list.replaceChildren(...books.map((book, i) => cards[i] ?? drawCard(book, list.dataset.drops)))
  }
  books.forEach((book, i) => {
    const status = cards[i]?.querySelector<HTMLElement>('.drop-status')
    if (status) writeStatus(status, book, list.dataset.drops)
  })
}

function drawCard(book: Book, locale?: string): HTMLLIElement {
  const card = document.createElement('li')
  card.className = 'drop-card'
  card.dataset.isbn = book.isbn
  const link = document.createElement('a')
  link.href = `/shop/books/${book.isbn}`
  const cover = document.createElement('img')
  Object.assign(cover, {
    className: 'drop-cover',
    src: book.cover,
    alt: '',
    width: 240,
    height: 360,
    loading: 'lazy',
  })
  const authors = book.contributors.map(({ name }) => name).join(', ')
  const price = priceText(book.price, locale)
  link.append(cover, line('drop-title', book.title), line('drop-author', authors), line('drop-price', price))
  const status = line('drop-status', '')
  writeStatus(status, book, locale)
  link.append(status)
  card.append(link)
  return card
}

function priceText(price: Book['price'], locale?: string): string {
  if (price === null) return 'Not for sale yet'
  return price.amount === 0 ? 'Free' : formatMoney(price, locale)
}

function line(className: string, text: string): HTMLElement {
  const element = document.createElement('span')
  element.className = className
  element.textContent = text
  return element
}

function writeStatus(element: HTMLElement, book: Book, locale?: string): void {
  element.dataset.status = book.availability.status
  const text = statusText(book, locale)
  if (element.textContent !== text) element.textContent = text
}

function statusText({ availability: { available, status }, salesOpenAt }: Book, locale?: string): string {
  if (status === 'sold-out') return 'Sold out'
  if (status === 'upcoming') {
    if (!salesOpenAt) return 'Coming soon'
    const format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
    return `Opens ${format.format(new Date(salesOpenAt))}`
  }
  return available === 1 ? 'Last copy' : `${available} copies left`
}
