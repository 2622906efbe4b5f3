import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkDigit13 } from '#kernel/isbn'
import { until } from '../support/until.ts'
import { startFaultyStore } from './faulty-store.ts'

// OCTAVO_OUTAGE_SECONDS=60 has catalog and its database gone for a minute.
const outageMs = Number(process.env.OCTAVO_OUTAGE_SECONDS ?? 5) * 1_000
const readers = 8
const price = { amount: 1_250, currency: 'EUR' }

test('catalogue pages that were seen before are shown while catalog and its database are gone', async (t) => {
  const { url, staff, kill } = await startFaultyStore(t)
  const send = (method: string, path: string, body?: unknown, token?: string) =>
    fetch(url + path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        accept: 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
  const { token } = (await (await send('POST', '/api/session', staff)).json()) as { token: string }
  const isbns = Array.from({ length: 12 }, (_, i) => {
    const twelve = `9786490${String(i).padStart(5, '0')}`
    return twelve + checkDigit13(twelve)
  })
  for (const isbn of isbns) await send('POST', '/api/books', { isbn, title: `Seen ${isbn}`, price }, token)
  const paths = [
    ...['/api/books', '/api/books?limit=3', '/api/books?q=seen'],
    ...isbns.flatMap((isbn) =>
      ['', '/availability', '/cover.svg'].map((part) => `/api/books/${isbn}${part}`),
    ),
  ]
  for (const path of paths)
    await until(async () => (await send('GET', path)).status === 200, `${path} is shown`)

  let isOver = false
  const answers = new Map<number, number>()
  const slowest: number[] = []
  const strike = async () => {
    while (!isOver) {
      for (const name of ['catalog.1', 'catalog.2', 'book-db']) kill(name)
      await sleep(50)
    }
  }
  const read = async (reader: number) => {
    for (let i = reader; !isOver; i++) {
      const begunMs = performance.now()
      const answer = await send('GET', paths[i % paths.length] ?? '')
      await answer.arrayBuffer()
      slowest.push(performance.now() - begunMs)
      answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1)
    }
  }
  const running = [strike(), ...Array.from({ length: readers }, (_, i) => read(i))]
  await until(async () => (await send('GET', '/api/books?q=never&limit=7')).status === 503, 'it is gone')
  await sleep(outageMs)
  isOver = true
  await Promise.all(running)
  assert.deepEqual([...answers.keys()], [200], JSON.stringify([...answers]))
  slowest.sort((a, b) => a - b)
  t.diagnostic(
    `${slowest.length} reads in ${outageMs / 1_000} s, p99 ${slowest[Math.floor(slowest.length * 0.99)]?.toFixed(0)} ms`,
  )

  const path = `/api/books/${isbns[0]}`
  await until(async () => (await send('PATCH', path, { title: 'Back' }, token)).status === 200, 'it is back')
  await until(async () => (await (await send('GET', path)).text()).includes('"title":"Back"'), 'and shown')
})
