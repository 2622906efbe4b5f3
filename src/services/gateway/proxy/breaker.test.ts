import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fullHeader } from '#kernel/problem'
import { retryBudgetLimits } from '#kernel/retry-budget'
import { json, startGateway, startUpstream, until } from '../../../../test/support/gateway.ts'

/** An instance whose answers a test can change; `/livez` is answered while it is not frozen. */
async function instance(t: TestContext, first: RequestListener) {
  const state = { answer: first, isFrozen: false, hits: 0 }
  const upstream = await startUpstream(t, (incoming, response) => {
    if (state.isFrozen) return
    if (incoming.url === '/livez') return json(response, 200, {})
    state.hits++
    state.answer(incoming, response)
  })
  return Object.assign(state, { url: upstream.url })
}
const good: RequestListener = (_incoming, response) => json(response, 200, { isGood: true })
const status = (code: number, headers: Record<string, string> = {}): RequestListener => {
  return (_incoming, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    json(response, code, { status: code })
  }
}

type Timed = { status: number; ms: number; retryAfter: string | null }
async function timed(url: string, init: RequestInit = {}): Promise<Timed> {
  const startedMs = performance.now()
  const answer = await fetch(url, init)
  await answer.text()
  return {
    status: answer.status,
    ms: performance.now() - startedMs,
    retryAfter: answer.headers.get('retry-after'),
  }
}
const order = (key?: string): RequestInit => ({
  method: 'POST',
  body: '{"lines":[]}',
  headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
})
const quietly = (t: TestContext) => t.mock.method(console, 'error', () => undefined)

/** The gateway has to answer at once whatever else this machine does: the best of a few tries is its own time. */
async function refusedAtOnce(url: string, init?: RequestInit): Promise<void> {
  let bestMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < 5; i++) {
    const { status, ms, retryAfter } = await timed(url, init)
    assert.equal(status, 503)
    assert.match(retryAfter ?? '', /^[1-9]\d*$/)
    bestMs = Math.min(bestMs, ms)
  }
  assert.ok(bestMs < 100, `refused after ${bestMs.toFixed(1)} ms`)
}

test('one caller and a service that hangs: told so in seconds, then at once, and served when it is back', async (t) => {
  quietly(t)
  const only = await instance(t, good)
  const gateway = await startGateway(t, `catalog=${only.url}`)
  const read = () => timed(`${gateway.url}/api/books`)
  assert.equal((await read()).status, 200)
  only.isFrozen = true
  const first = await read()
  assert.equal(first.status, 504)
  assert.ok(first.ms < 8_000, `${first.ms} ms`)
  await refusedAtOnce(`${gateway.url}/api/books`)
  only.isFrozen = false
  await until(async () => (await read()).status === 200)
})

test('while one of two hangs every reader is answered, and what has no key is sent once', async (t) => {
  quietly(t)
  const [a, b] = [await instance(t, good), await instance(t, good)]
  const gateway = await startGateway(t, `catalog=${a.url};catalog=${b.url};coordinator=${a.url}`)
  a.isFrozen = true
  const readers = Array.from({ length: 40 }, () => timed(`${gateway.url}/api/books`))
  const answers = await Promise.all(readers)
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  const placed = await timed(`${gateway.url}/api/orders`, order())
  assert.equal(placed.status, 504)
  const again = await Promise.all(Array.from({ length: 20 }, () => timed(`${gateway.url}/api/books`)))
  assert.ok(again.every(({ status }) => status === 200))
  assert.equal(b.hits, 60)
})

test('refusals, and an instance that only has too much to do, are no failures', async (t) => {
  for (const answer of [status(409), status(429), status(404), status(503, { [fullHeader]: '1' })]) {
    const [a, b] = [await instance(t, answer), await instance(t, answer)]
    const gateway = await startGateway(t, `catalog=${a.url};catalog=${b.url}`)
    const seen = await fetch(`${gateway.url}/api/books`)
    assert.equal(seen.headers.get(fullHeader), null)
    for (let i = 0; i < 29; i++) await timed(`${gateway.url}/api/books`)
    assert.equal(a.hits + b.hits, 30)
    assert.doesNotMatch(await (await fetch(`${gateway.url}/metrics`)).text(), /breaker_trips_total\{/)
  }
})

test('an instance that cannot do what its peer can is passed over, and then left alone', async (t) => {
  quietly(t)
  const [sick, well] = [await instance(t, status(503)), await instance(t, good)]
  const gateway = await startGateway(t, `catalog=${sick.url};catalog=${well.url}`)
  for (let i = 0; i < 40; i++) assert.equal((await timed(`${gateway.url}/api/books`)).status, 200)
  // Where the forty take long, it is probed again meanwhile.
  assert.ok(sick.hits >= 3 && sick.hits <= 6, `${sick.hits} hits`)
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(metrics, /octavo_gateway_reroutes_total\{service="catalog",reason="status"\} [3-6]\n/)
})

test('a route that fails behind its instances is cut off by itself; the others go on', async (t) => {
  quietly(t)
  const only = await instance(t, (incoming, response) =>
    (incoming.url?.startsWith('/api/books/9') ? status(503) : good)(incoming, response),
  )
  const gateway = await startGateway(t, `catalog=${only.url}`)
  for (let i = 0; i < 3; i++) await timed(`${gateway.url}/api/books/9`)
  await refusedAtOnce(`${gateway.url}/api/books/9`)
  assert.equal(only.hits, 3)
  assert.equal((await timed(`${gateway.url}/api/books`)).status, 200)
  only.answer = good
  await until(async () => (await timed(`${gateway.url}/api/books/9`)).status === 200)
})

test('every request that is sent again is counted, and taken from the budget', async (t) => {
  quietly(t)
  let requests = 0
  const flaky: RequestListener = (incoming, response) => {
    if (++requests % 40 === 0) incoming.socket.destroy()
    else good(incoming, response)
  }
  const all = await Promise.all(Array.from({ length: 3 }, () => instance(t, flaky)))
  const gateway = await startGateway(t, all.map(({ url }) => `catalog=${url}`).join(';'))
  for (let i = 0; i < 400; i++) assert.equal((await timed(`${gateway.url}/api/books`)).status, 200)
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  const sum = (pattern: RegExp) =>
    [...metrics.matchAll(pattern)].reduce((n, [, value]) => n + Number(value), 0)
  const again = sum(/octavo_gateway_reroutes_total\{service="catalog",reason="reset"\} (\d+)/g)
  assert.equal(requests, 400 + again)
  assert.equal(sum(/instance_reroutes_total\{service="catalog"[^}]+\} (\d+)/g), again)
  const left = sum(/retry_budget\{service="catalog"\} (\d+)/g)
  assert.ok(left <= retryBudgetLimits.reserve + 80 - again && left > 0, `${left} left after ${again}`)
})

test('an instance far slower than its peers is left out, and at most half of them are', async (t) => {
  quietly(t)
  const slow: RequestListener = async (incoming, response) => {
    await sleep(400)
    good(incoming, response)
  }
  const all = [await instance(t, good), await instance(t, slow)]
  const gateway = await startGateway(t, all.map(({ url }) => `catalog=${url}`).join(';'))
  const isOut = async () => {
    await Promise.all(Array.from({ length: 12 }, () => timed(`${gateway.url}/api/books`)))
    return /trips_total\{[^}]+reason="slow"\} 1/.test(await (await fetch(`${gateway.url}/metrics`)).text())
  }
  await until(isOut)
  const before = all[1]?.hits
  for (let i = 0; i < 20; i++) await timed(`${gateway.url}/api/books`)
  // By turns it would be ten.
  assert.ok((all[1]?.hits ?? 0) - (before ?? 0) <= 6)
})

test('log-ins, which are made to wait, put no instance out', async (t) => {
  quietly(t)
  const late = (ms: number): RequestListener => {
    return async (incoming, response) => {
      if (incoming.method === 'POST') await sleep(ms)
      good(incoming, response)
    }
  }
  const all = [await instance(t, late(300)), await instance(t, late(10))]
  const gateway = await startGateway(t, all.map(({ url }) => `orders=${url}`).join(';'))
  const until = performance.now() + 4_000
  const asking = Array.from({ length: 6 }, async (_, i) => {
    while (performance.now() < until)
      await timed(`${gateway.url}/api/session`, i < 5 ? { ...order(), method: 'POST' } : {})
  })
  await Promise.all(asking)
  assert.doesNotMatch(await (await fetch(`${gateway.url}/metrics`)).text(), /breaker_trips_total\{/)
})

test('an instance that stays slow has a few answers more to give and no others, unless its peer is gone', async (t) => {
  quietly(t)
  const slow: RequestListener = async (incoming, response) => {
    await sleep(400)
    good(incoming, response)
  }
  const [well, late] = [await instance(t, good), await instance(t, slow)]
  const gateway = await startGateway(t, `catalog=${well.url};catalog=${late.url}`)
  const read = () => timed(`${gateway.url}/api/books`)
  const trips = async () => {
    await Promise.all(Array.from({ length: 12 }, read))
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    return Number(/breaker_trips_total\{[^}]+reason="slow"\} (\d+)/.exec(metrics)?.[1] ?? 0)
  }
  await until(async () => (await trips()) >= 4, 'it is looked at again and again', 20_000)
  const [before, hits] = [performance.now(), late.hits]
  while (performance.now() - before < 3_000) await read()
  assert.ok(late.hits - hits <= 4, `${late.hits - hits} in three seconds`)
  well.answer = (incoming) => incoming.socket.destroy()
  for (let i = 0; i < 5; i++) await read()
  const answers = await Promise.all(Array.from({ length: 12 }, read))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
})

test('an order with a key goes to another coordinator when the first hangs, once', async (t) => {
  quietly(t)
  const [a, b] = [await instance(t, good), await instance(t, good)]
  const gateway = await startGateway(t, `coordinator=${a.url};coordinator=${b.url}`)
  a.isFrozen = true
  for (let i = 0; i < 8; i++)
    assert.equal((await timed(`${gateway.url}/api/orders`, order(`key-${i}-12345`))).status, 200)
  assert.equal(b.hits, 8)
})
