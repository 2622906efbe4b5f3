import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { json, rawExchange, startGateway, startUpstream, until } from '../../../../test/support/gateway.ts'
import { redisMissing, startRedis } from '../../../../test/support/redis.ts'
import { createAdmission } from './admission.ts'
import type { Exchange } from './exchange.ts'
import type { UpstreamTarget } from './routes.ts'

const options = { cachesReads: false }
const trusted = { OCTAVO_TRUSTED_PROXIES: '127.0.0.1' }
const as = (address: string) => ({ headers: { 'x-forwarded-for': address } })

test('a client that asks too often is told when to come back, and another is not', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => json(response, 200, incoming.headers))
  const gateway = await startGateway(t, `catalog=${upstream.url}`, options, {
    ...trusted,
    OCTAVO_RATE_LIMIT: '2',
  })
  const read = (address: string) => fetch(`${gateway.url}/api/books`, as(address))
  const first = await read('192.0.2.1')
  assert.equal(first.headers.get('ratelimit-policy'), '"client";q=20;w=10')
  assert.match(first.headers.get('ratelimit') ?? '', /^"client";r=19;t=\d+$/)
  assert.equal(((await first.json()) as Record<string, string>)['x-forwarded-for'], '192.0.2.1')
  const answers = await Promise.all(Array.from({ length: 40 }, () => read('192.0.2.1')))
  const refused = answers.find(({ status }) => status === 429)
  assert.ok(refused)
  assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.match(refused.headers.get('ratelimit') ?? '', /^"client";r=0;t=[1-9]\d*$/)
  assert.equal((await read('192.0.2.9')).status, 200)
  assert.match(await (await fetch(`${gateway.url}/metrics`)).text(), /refused_total\{reason="rate"\} \d/)
})

test('whoever needs no token for the numbers is limited there as well', async (t) => {
  const gateway = await startGateway(t, '', options, { ...trusted, OCTAVO_RATE_LIMIT: '1' })
  const read = () => fetch(`${gateway.url}/metrics`, as('192.0.2.1')).then(({ status }) => status)
  const statuses = new Set(await Promise.all(Array.from({ length: 40 }, read)))
  assert.deepEqual(statuses, new Set([200, 429]))
})

test('without a limit nobody is refused, however often they ask', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const env = { ...trusted, OCTAVO_RATE_LIMIT: '0' }
  const gateway = await startGateway(t, `catalog=${upstream.url}`, options, env)
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => fetch(`${gateway.url}/api/books/1`, as('192.0.2.1'))),
  )
  assert.deepEqual(
    answers.filter(({ status, headers }) => status !== 200 || headers.has('ratelimit')),
    [],
  )
})

test('gateways that share a cache count a client together, and each for itself while it is away', {
  skip: redisMissing(),
}, async (t) => {
  const redis = await startRedis(t)
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const env = { ...trusted, OCTAVO_RATE_LIMIT: '1', OCTAVO_CACHE: `redis://127.0.0.1:${redis.port}` }
  const gateways = await Promise.all(
    [1, 2].map(() => startGateway(t, `catalog=${upstream.url}`, options, env)),
  )
  const [first, second] = gateways.map(({ url }) => url) as [string, string]
  const left = async (url: string, address: string) => {
    const answer = await fetch(`${url}/api/books`, as(address))
    return Number(/r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1])
  }
  const spend = (url: string, address: string) =>
    Promise.all(Array.from({ length: 6 }, () => left(url, address)))
  await spend(first, '192.0.2.1')
  assert.equal(await left(second, '192.0.2.9'), 9, 'another client has all of its own')
  let taken = 0
  await until(async () => {
    // Seldom enough that the gateways have told each other meanwhile.
    await sleep(300)
    const { status } = await fetch(`${second}/api/books`, as('192.0.2.1'))
    if (status === 200) taken++
    return status === 429
  })
  assert.ok(taken < 9, `${taken} at the second gateway, after six at the first`)
  await redis.kill()
  const startedMs = performance.now()
  await spend(first, '192.0.2.2')
  assert.ok(performance.now() - startedMs < 2_000, 'nobody waits for a cache that is away')
  assert.ok((await left(second, '192.0.2.2')) >= 8)
  assert.ok((await spend(first, '192.0.2.2')).includes(0), 'the limit of each gateway stands')
})

test('with a crowd at the catalogue everybody is served in turn, and an order passes by them all', async (t) => {
  let [open, most] = [0, 0]
  const slow = await startUpstream(t, async (incoming, response) => {
    if (incoming.url === '/livez') return json(response, 200, {})
    most = Math.max(most, ++open)
    await sleep(300)
    open--
    json(response, 200, {})
  })
  const fast = await startUpstream(t, (incoming, response) => {
    incoming.resume()
    json(response, 201, {})
  })
  const gateway = await startGateway(t, `catalog=${slow.url};coordinator=${fast.url}`, options, trusted)
  const crowd = Array.from({ length: 150 }, () =>
    fetch(`${gateway.url}/api/books`, as('192.0.2.1')).then(({ status }) => status),
  )
  await until(() => open > 0)
  const order = await fetch(`${gateway.url}/api/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'key-12345' },
    body: '{}',
  })
  assert.equal(order.status, 201)
  assert.ok(open > 0, 'the crowd was still waiting')
  const quiet = await fetch(`${gateway.url}/api/books`, as('192.0.2.9'))
  assert.equal(quiet.status, 200)
  const left = Number(
    /browsing_waiting (\d+)/.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1],
  )
  assert.ok(left > 0, 'who asks once does not wait for who asks a hundred times')
  const statuses = await Promise.all(crowd)
  assert.ok(statuses.every((status) => status === 200 || status === 503))
  assert.ok(most <= 24, `${most} at once`)
})

test('nobody waits behind reads that hang while the circuit of their route answers by itself', () => {
  let isShut = false
  using admission = createAdmission(
    { ratePolicy: undefined, limitsLoopback: false, shared: undefined, nowMs: () => 0 },
    { isShut: () => isShut },
  )
  const started: number[] = []
  const read = (number: number) => {
    const exchange = { client: '192.0.2.1', response: new EventEmitter() } as unknown as Exchange
    admission.admit(exchange, { isBrowsing: true } as UpstreamTarget, () => started.push(number))
  }
  for (let i = 0; i < 200; i++) read(i)
  assert.ok(started.length < 200, 'the places are taken')
  isShut = true
  read(200)
  assert.equal(started.at(-1), 200)
})

test('a crowd that asks for what nobody has in memory waits its turn as well', async (t) => {
  let [open, most] = [0, 0]
  const slow = await startUpstream(t, async (incoming, response) => {
    if (incoming.url === '/livez') return json(response, 200, {})
    most = Math.max(most, ++open)
    await sleep(50)
    open--
    json(response, 200, { url: incoming.url })
  })
  const gateway = await startGateway(t, `catalog=${slow.url}`, { cachesReads: true }, trusted)
  const read = (address: string, words: string) =>
    fetch(`${gateway.url}/api/books?q=${words}`, as(address)).then(({ status }) => status)
  const crowd = Array.from({ length: 100 }, (_, i) => read('192.0.2.1', `crowd${i}`))
  await until(() => open > 0)
  assert.equal(await read('192.0.2.9', 'quiet'), 200)
  // By turns it is among the first.
  assert.ok(slow.requests.length < 60, `${slow.requests.length} were before it`)
  // Whoever asks for the same as one of the crowd need not wait until the crowd is served.
  assert.equal(await read('192.0.2.8', 'crowd99'), 200)
  assert.ok(slow.requests.length < 90, `${slow.requests.length} were before that`)
  const statuses = await Promise.all(crowd)
  assert.ok(statuses.every((status) => status === 200 || status === 503))
  assert.ok(most <= 16, `${most} at once`)
})

test('a store with an address of its own answers to no other name, and to probes by any', async (t) => {
  const gateway = await startGateway(
    t,
    '',
    {},
    { OCTAVO_URL: 'https://shop.example.org', OCTAVO_METRICS_TOKEN: 'a token' },
  )
  const asked = (host: string, path = '/api/nothing') =>
    rawExchange(gateway.url, `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  assert.match(await asked('evil.example:8080'), /^HTTP\/1\.1 421/)
  for (const host of ['shop.example.org', 'Shop.Example.org:443', '127.0.0.1:8080', '[::1]', 'localhost'])
    assert.match(await asked(host), /^HTTP\/1\.1 404/, host)
  assert.match(await asked('evil.example', '/livez'), /^HTTP\/1\.1 200/)
  assert.equal((await fetch(`${gateway.url}/livez`)).status, 200)
  assert.equal((await fetch(`${gateway.url}/metrics`)).status, 401)
  const told = await fetch(`${gateway.url}/metrics`, { headers: { authorization: 'Bearer a token' } })
  assert.equal(told.status, 200)
  assert.equal(told.headers.get('x-content-type-options'), 'nosniff')
})
