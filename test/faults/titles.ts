import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { checkDigit13 } from '#kernel/isbn'
import type { FaultyStore } from './faulty-store.ts'

/** A store that has just started, on a busy machine, may need to be asked again for so long. */
const askLimitMs = 60_000
const askAgainAfterMs = 250
const notNow = [429, 503, 504]

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
    await call(url, 'POST', '/api/books', book, token).catch((error: Error) => {
      // The one that was told to come again may have been heard.
      if (!error.message.includes(': 409 ')) throw error
    })
    await call(url, 'PUT', `/api/books/${isbn}/stock`, { copies: owned }, token)
    isbns.push(isbn)
  }
  return isbns
}

/** Says how many copies of a title the store owns, as staff do. */
export async function own(
  { url, staff }: Pick<FaultyStore, 'url' | 'staff'>,
  isbn: string,
  copies: number,
): Promise<void> {
  const { token } = await call<{ token: string }>(url, 'POST', '/api/session', staff)
  await call(url, 'PUT', `/api/books/${isbn}/stock`, { copies }, token)
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
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  for (const beganMs = performance.now(); ; await sleep(askAgainAfterMs)) {
    const answer = await request(url + path, { method, headers, body: JSON.stringify(body) })
    const text = await answer.body.text()
    if (answer.statusCode < 300) return JSON.parse(text) as T
    if (!notNow.includes(answer.statusCode) || performance.now() - beganMs > askLimitMs)
      throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
  }
}
