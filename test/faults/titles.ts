import { request } from 'undici'
import type { FaultyStore } from './faulty-store.ts'

/** Puts priced titles into a store's catalogue, with `copies` each. @returns their ISBNs */
export async function addTitles({ url, staff }: FaultyStore, copies: readonly number[]): Promise<string[]> {
  const { token } = await call<{ token: string }>(url, 'POST', '/api/session', staff)
  const isbns: string[] = []
  for (const [i, owned] of copies.entries()) {
    const isbn = isbnOf(i)
    const book = { isbn, title: `Title ${i}`, price: { amount: 1_250, currency: 'EUR' } }
    await call(url, 'POST', '/api/books', book, token)
    await call(url, 'PUT', `/api/books/${isbn}/stock`, { copies: owned }, token)
    isbns.push(isbn)
  }
  return isbns
}

/** A made-up ISBN-13 with a right check digit. */
function isbnOf(i: number): string {
  const digits = `97800000000${String(i).padStart(1, '0')}`.padEnd(12, '0').slice(0, 12)
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0)
  return digits + String((10 - (sum % 10)) % 10)
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
