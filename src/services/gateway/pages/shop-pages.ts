import { parseIsbn } from '#kernel/isbn'
import { Problem } from '#kernel/problem'
import type { ServiceClient } from '#ports/http'
import { getAvailability } from '#services/catalog'

/** The pages of the shop and the console, as their router names them; a test holds the two against each other. */
export const shopPages = {
  '/shop': ['', 'books/:isbn', 'cart', 'checkout', 'orders', 'orders/:id'],
  '/console': [
    ...['login', '', 'redeem/:code', 'orders', 'orders/:id', 'books', 'books/new', 'books/:isbn'],
    ...['imports', 'imports/:id', 'reports', 'reports/sql', 'reports/:name', 'system', 'fleet', 'sessions'],
  ],
} as const

const forms = Object.entries(shopPages).flatMap(([mount, pages]) =>
  pages.map((page) => new RegExp(`^${mount}/${page.replaceAll(/:\w+/g, '[^/]+')}/?$`)),
)

const deadlineMs = 500
/** Whoever reads many books at once is shown them; only their status may be wrong then. */
const askingMax = 8

/**
 * Whether the shop's one document shows something at an address, decoded: a page that there is, and a book that the shop
 * has. Where the catalogue does not answer, it shows what it can.
 */
export function shopPageFinder(client: ServiceClient): (path: string) => Promise<boolean> {
  let asking = 0
  const isBook = async (isbn: string): Promise<boolean> => {
    if (asking >= askingMax) return true
    asking++
    try {
      await client.call('catalog', getAvailability, { params: { isbn }, deadlineMs })
      return true
    } catch (error) {
      // Only the catalogue can say that it has no such book; while it is away nobody knows.
      return !(error instanceof Problem && error.status === 404)
    } finally {
      asking--
    }
  }
  return async (path) => {
    if (!forms.some((form) => form.test(path))) return false
    const book = /^\/shop\/books\/([^/]+)\/?$/.exec(path)?.[1]
    if (book === undefined) return true
    const parsed = parseIsbn(book)
    return parsed.kind === 'ok' && isBook(parsed.isbn)
  }
}
