import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { sendReaders } from './load-readers.ts'

type Answer = (status: number, body: unknown) => void
type Say = { reserve?: (key: string, answer: Answer) => void; check?: (id: string, answer: Answer) => void }

/** A shop that answers as it is told to, and else as a shop does. */
async function shop(t: TestContext, { reserve, check }: Say): Promise<string> {
  const free = { amount: 0 }
  const server = createServer((request, response: ServerResponse) => {
    const answer: Answer = (status, body) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const key = String(request.headers['idempotency-key'])
    const [, id] = /^\/api\/orders\/(.+)$/.exec(request.url ?? '') ?? []
    request.resume().on('end', () => {
      if (request.method === 'POST')
        (reserve ?? ((_, say) => say(201, { id: key, token: 't', total: free })))(key, answer)
      else if (id !== undefined) (check ?? ((_, say) => say(200, { id })))(id, answer)
      else answer(200, {})
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const readers = (url: string, arrivals: readonly number[], stop = new AbortController().signal) =>
  sendReaders({ url, isbns: ['9786490000034'], arrivals, stop, onProgress: () => undefined })
const atOnce = Array.from({ length: 40 }, () => 0)

test('what was acknowledged and is there is good', async (t) => {
  const { receipts, wrong, unchecked, gone } = await readers(await shop(t, {}), atOnce)
  assert.equal(receipts.length, 40 - gone)
  assert.deepEqual([wrong, unchecked], [[], []])
})

test('an order that was acknowledged and is not there is wrong, and so are two for one key', async (t) => {
  const lost = await shop(t, { check: (_, answer) => answer(404, {}) })
  const { receipts, wrong } = await readers(lost, atOnce)
  assert.equal(wrong.length, receipts.length)
  let orders = 0
  const twice = await shop(t, {
    reserve: (_, answer) => answer(201, { id: `order-${orders++}`, token: 't', total: { amount: 0 } }),
  })
  const { wrong: doubled } = await readers(
    twice,
    Array.from({ length: 400 }, () => 0),
  )
  assert.ok(doubled.some((text) => /one key got 2 orders/.test(text)))
})

test('one that cannot be looked up at once is looked up again, and says nothing when it cannot be at all', async (t) => {
  const asked = new Set<string>()
  const busy = await shop(t, {
    check: (id, answer) => {
      answer(asked.has(id) ? 200 : 429, { id })
      asked.add(id)
    },
  })
  const later = await readers(busy, atOnce)
  assert.deepEqual([later.wrong, later.unchecked], [[], []])
  const away = await shop(t, { check: (_, answer) => answer(503, {}) })
  const never = await readers(away, atOnce)
  assert.deepEqual(never.wrong, [])
  assert.equal(never.unchecked.length, never.receipts.length)
})

test('a reader does not ask again for a book that is not there', async (t) => {
  const { answers } = await readers(
    await shop(t, { reserve: (_, answer) => answer(404, { type: '/problems/not-found' }) }),
    atOnce,
  )
  assert.ok(answers.filter(({ kind }) => kind === 'reserve').length <= 2 * 40)
})

test('told to stop, nobody comes any more, and what was acknowledged is checked', async (t) => {
  const stop = new AbortController()
  const url = await shop(t, {
    reserve: (key, answer) => {
      stop.abort()
      answer(201, { id: key, token: 't', total: { amount: 0 } })
    },
  })
  const startedMs = performance.now()
  const { answers, receipts, wrong, unchecked } = await readers(url, [...atOnce, 600_000], stop.signal)
  assert.ok(performance.now() - startedMs < 30_000)
  assert.ok(receipts.length > 0)
  assert.deepEqual([wrong, unchecked], [[], []])
  assert.ok(answers.filter(({ kind }) => kind === 'check').length >= receipts.length)
})
