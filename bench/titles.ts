import type { Store } from '../test/support/whole-store.ts'

export type BenchTitle = {
  isbn: string
  copies: number
  price: { amount: number; currency: string }
  limited?: boolean
}

/** Adds a title as a bookseller does, by the store's own API. @throws Error with what the store answers */
export async function addTitle(store: Store, { copies, ...book }: BenchTitle): Promise<void> {
  const call = async (method: string, path: string, body: unknown, token?: string) => {
    const answer = await fetch(store.url + path, {
      method,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { token: string }
  }
  const { token } = await call('POST', '/api/session', store.staff)
  const contributors = [{ name: 'Jane Austen', role: 'author' }]
  await call('POST', '/api/books', { ...book, title: 'Pride and Prejudice', contributors }, token)
  await call('PUT', `/api/books/${book.isbn}/stock`, { copies }, token)
}
