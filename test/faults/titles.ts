import { request } from 'undici'
import { checkDigit13 } from '#kernel/isbn'
import type { FaultyStore } from './faulty-store.ts'

/** Puts priced titles into a store's catalogue, with `copies` each, numbered from `first`. @returns their ISBNs */
export async function addTitles(
  { url, staff }: Pick<FaultyStore, 'url' | 'staff'>,
  copies: readonly number[],
  first = 0,
): Promise<string[]> {
  const { token } = await call<{ token: string }>(url, 'POST', '/api/session', staff)
  const isbns: string[] = []
  for (const [i, owned] of copies.entries()) {
    const isbn = isbnOf(first + i)
    const book = { isbn, title: `Title ${first + i}`, price: { amount: 1_250, currency: 'EUR' } }
    await call(url, 'POST', '/api/books', book, token)
    await call(url, 'PUT', `/api/books/${isbn}/stock`, { copies: owned }, token)
    isbns.push(isbn)
  }
  return isbns
}

/** A made-up ISBN-13 with a right check digit. */
function isbnOf(i: number): string {
  const twelve = `9780000${String(i).padStart(5, '0')}`
  return twelve + checkDigit13(twelve)
}

async function call<T>(
  url: string,
  method: 'POST' | 'PUT',
  path: string,
  body: unknown,
  token?: string,
): Promise<T> {
  const { statusCode, body: answer } = await request(url + path, {
    method,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`)
  return JSON.parse(text) as T
}
