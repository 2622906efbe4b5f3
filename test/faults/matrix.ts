import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { until } from '../support/until.ts'
import type { FaultyStore } from './faulty-store.ts'
import type { Asked } from './readers.ts'

/** What is asked of the store all the time, while its parts are struck one after the other. */
export type Question = 'a book' | 'an order' | 'a new order' | 'a file'

/** A part of the store, and which questions may be refused while all of its instances are away. */
export type Part = { name: string; isAskedFor: Question; mayStop: readonly Question[] }

export const parts: readonly Part[] = [
  { name: 'catalog', isAskedFor: 'a book', mayStop: ['a book', 'a new order'] },
  { name: 'orders', isAskedFor: 'an order', mayStop: ['an order', 'a new order'] },
  { name: 'coordinator', isAskedFor: 'a new order', mayStop: ['a new order'] },
  { name: 'vouchers', isAskedFor: 'a file', mayStop: ['a file'] },
  { name: 'registry', isAskedFor: 'a book', mayStop: [] },
  { name: 'book-db', isAskedFor: 'a book', mayStop: ['a book', 'a new order'] },
  { name: 'order-db', isAskedFor: 'an order', mayStop: ['an order', 'a new order'] },
]

/** Harm to one process; over when the promise is. */
export type Strike = (store: FaultyStore, name: string) => Promise<unknown>

export const frozenMs = 3_000
/** A frozen server of a database is given up on later than a process of ours. */
const frozenServerMs = 12_000

export const strikes: Readonly<Record<string, Strike>> = {
  'is killed': async (store, name) => store.kill(name),
  hangs: (store, name) => store.freeze(name, name.includes('-db') ? frozenServerMs : frozenMs),
  'hardly gets the processor': async (store, name) => {
    const end = performance.now() + frozenMs
    while (performance.now() < end) {
      await store.freeze(name, 150)
      await sleep(30)
    }
  },
  'answers late': (store, name) => store.sicken(name, 'slow', frozenMs),
  'answers what is not HTTP': (store, name) => store.sicken(name, 'garbage', frozenMs),
  'cuts connections off': (store, name) => store.sicken(name, 'reset', frozenMs),
}

/** Whether a strike only delays what its process does. */
export const onlyDelays = (what: string) => what === 'answers late' || what === 'hardly gets the processor'

/** A database server is struck from outside alone. */
export const strikesOf = ({ name }: Part): [string, Strike][] =>
  Object.entries(strikes).filter(
    ([what]) => !name.endsWith('-db') || what === 'is killed' || what === 'hangs',
  )

/** How each question is asked, of a store that has this title. */
export async function questionsOf(
  store: FaultyStore,
  isbn: string,
): Promise<Readonly<Record<Question, () => Asked>>> {
  const body = JSON.stringify({
    customer: { name: 'Ada Byron', email: 'ada@example.org' },
    lines: [{ isbn, quantity: 1 }],
  })
  const newOrder = () => ({
    url: `${store.url}/api/orders`,
    headers: { 'content-type': 'application/json', 'idempotency-key': `matrix-${randomUUID()}` },
    body,
  })
  let placed = { id: '', token: '' }
  await until(async () => {
    const { url, headers } = newOrder()
    const answer = await request(url, { method: 'POST', headers, body })
    placed = (await answer.body.json()) as typeof placed
    return answer.statusCode === 201
  }, 'an order is placed')
  const { id, token } = placed
  return {
    // Whoever shows a session is answered by the service itself and not from the gateway's memory.
    'a book': () => ({ url: `${store.url}/api/books/${isbn}`, headers: { cookie: 'octavo_session=none' } }),
    'an order': () => ({
      url: `${store.url}/api/orders/${id}`,
      headers: { authorization: `Bearer ${token}` },
    }),
    'a new order': newOrder,
    // The stand-in has none, and says so.
    'a file': () => ({ url: `${store.url}/api/files/a?expires=1&signature=a` }),
  }
}
