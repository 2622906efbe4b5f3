import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { until } from '../support/until.ts'
import { startClients } from './clients.ts'
import { type FaultyStore, startFaultyStore } from './faulty-store.ts'
import { checkHistory } from './history.ts'
import { startReaders } from './readers.ts'
import { addTitles } from './titles.ts'

/** OCTAVO_TEST_LONG=on strikes every service in every way, and holds the figures against their limits. */
const isLong = process.env.OCTAVO_TEST_LONG === 'on'
const services = isLong ? ['catalog', 'orders', 'coordinator', 'vouchers'] : ['catalog']
/** A busy machine is slower than what the limits are for. */
const limits = isLong
  ? { refusalMs: 100, recoveryMs: 5_000, delayMs: 100 }
  : { refusalMs: 1_000, recoveryMs: 15_000, delayMs: 1_500 }
const frozenMs = 3_000
const ordersTimed = isLong ? 500 : 150
const afterMs = 1_500

test('one instance that dies, hangs or slows down costs no reader an answer; all of them cost a quick refusal', {
  timeout: 600_000,
}, async (t) => {
  const store = await startFaultyStore(t)
  const [isbn = ''] = await addTitles(store, [1_000_000])
  const agent = new Agent({ connections: 32 })
  t.after(() => agent.destroy())
  await t.test('a crowd of strangers at the door delays no order', (t) => besiege(t, store, isbn))

  const readers = startReaders(`${store.url}/api/books/${isbn}`, 8)
  await until(() => readers.since(0).length > 50, 'readers read')
  const clients = startClients({ url: store.url, count: 6, isbns: [isbn], pauseMs: 100 })

  for (const service of services) {
    for (const [what, strike] of Object.entries(one))
      await t.test(`one ${service} ${what}`, async (t) => {
        const since = performance.now()
        const [name = ''] = instancesOf(store, service)
        await strike(store, name)
        await sleep(afterMs)
        const failed = readers.since(since).filter(isFailed)
        t.diagnostic(`${readers.since(since).length} reads, ${failed.length} failed`)
        assert.ok(readers.since(since).length > 10)
        // Of a service that runs once, the one is all.
        if (instancesOf(store, service).length > 1) assert.deepEqual(failed, [])
        await allAreBack(store, service)
      })
    for (const [what, strike] of Object.entries(all))
      await t.test(`every ${service} ${what}`, async (t) => {
        await strikeAll(t, store, service, strike, readers)
        await allAreBack(store, service)
      })
  }

  await t.test('requests that were sent again stayed within their budget', async (t) => {
    const text = await (await request(`${store.url}/metrics`, { dispatcher: agent })).body.text()
    const again = sum(text, /^octavo_gateway_reroutes_total\{[^}]*reason="(?!breaker)[^}]*\} (\d+)$/gm)
    const asked = sum(text, /^octavo_gateway_requests_total\{[^}]*\} (\d+)$/gm)
    t.diagnostic(`${again} of ${asked} requests were sent again`)
    assert.ok(asked > 500 && again > 0, 'there was something to send again')
    assert.ok(again <= asked * 0.2 + 200)
  })

  await t.test('no order is lost or there twice', async (t) => {
    readers.stop()
    await clients.finish()
    await sleep(frozenMs)
    const { acknowledged, lost, wrong, findings } = await checkHistory(clients.history, store.secrets)
    t.diagnostic(`${acknowledged} orders acknowledged`)
    assert.ok(acknowledged > 20)
    assert.deepEqual([...lost, ...wrong, ...findings], [])
  })
})

const isFailed = ({ status }: { status: number }) => status === 0 || status >= 500
const sum = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].reduce((all, [, n]) => all + Number(n), 0)

const instancesOf = (store: FaultyStore, service: string) =>
  store.names().filter((name) => name.replace(/\.\d+$/, '') === service)

type Strike = (store: FaultyStore, name: string) => Promise<unknown>

const one: Record<string, Strike> = {
  'is killed': async (store, name) => store.kill(name),
  hangs: (store, name) => store.freeze(name, frozenMs),
  'slows down': async (store, name) => {
    const end = performance.now() + frozenMs
    while (performance.now() < end) {
      await store.freeze(name, 150)
      await sleep(30)
    }
  },
}

const all: Record<string, Strike> = {
  'is killed': async (store, name) => store.kill(name),
  hangs: (store, name) => store.freeze(name, frozenMs),
}

async function strikeAll(
  t: TestContext,
  store: FaultyStore,
  service: string,
  strike: Strike,
  readers: ReturnType<typeof startReaders>,
): Promise<void> {
  const since = performance.now()
  await Promise.all(instancesOf(store, service).map((name) => strike(store, name)))
  const backMs = performance.now()
  const { atMs } = await readers.nextGood()
  const refused = readers.since(since).filter(({ status }) => status === 503)
  // Those who ask once the first was refused meet an open circuit.
  const [first] = refused
  const quick = refused
    .filter((each) => first && each.atMs > first.atMs + first.tookMs)
    .map(({ tookMs }) => tookMs)
  quick.sort((a, b) => a - b)
  const at = (share: number) => Math.round(quick[Math.floor((quick.length - 1) * share)] ?? 0)
  t.diagnostic(
    `${refused.length} of ${readers.since(since).length} reads refused, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; read again after ${Math.round(atMs - backMs)} ms`,
  )
  assert.ok(at(isLong ? 0.99 : 0.5) < limits.refusalMs, `refused in ${at(0.99)} ms`)
  assert.ok(atMs - backMs < limits.recoveryMs, `read again after ${atMs - backMs} ms`)
}

/** Orders one after the other, without the strangers and with them. */
async function besiege(t: TestContext, store: FaultyStore, isbn: string): Promise<void> {
  const calmMs = await orderTimes(store.url, isbn)
  const strangers = fork(fileURLToPath(new URL('./besiegers.ts', import.meta.url)), [store.url])
  t.after(() => strangers.kill('SIGKILL'))
  await once(strangers, 'message')
  const besiegedMs = await orderTimes(store.url, isbn)
  strangers.kill('SIGKILL')
  const [before, during] = [calmMs, besiegedMs].map((times) =>
    Math.round(times[Math.floor(times.length * 0.99)] ?? 0),
  ) as [number, number]
  t.diagnostic(
    `p99 of an order: ${before} ms alone, ${during} ms with 2 000 slow connections, 100 × 20 lists and the worst bodies`,
  )
  assert.ok(during - before < limits.delayMs, `${during} ms instead of ${before} ms`)
}

/** @returns how long each of some orders took, the shortest first; every one of them was placed */
async function orderTimes(url: string, isbn: string): Promise<number[]> {
  const agent = new Agent({ connections: 4 })
  const times: number[] = []
  const customer = { name: 'Ada Byron', email: 'ada@example.org' }
  const body = JSON.stringify({ customer, lines: [{ isbn, quantity: 1 }] })
  for (let i = 0; i < ordersTimed; i++) {
    const startedMs = performance.now()
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    const { statusCode, body: answer } = await request(`${url}/api/orders`, {
      method: 'POST',
      dispatcher: agent,
      headers,
      body,
    })
    const text = await answer.text()
    assert.equal(statusCode, 201, text)
    times.push(performance.now() - startedMs)
    await sleep(10)
  }
  await agent.close()
  return times.sort((a, b) => a - b)
}

/** Registered again, and cut off from nobody. */
async function allAreBack(store: FaultyStore, service: string): Promise<void> {
  const cutOff = new RegExp(`octavo_gateway_breaker_state\\{service="${service}"[^}]*\\} 3\\n`)
  await until(async () => {
    const { statusCode, body } = await request(`${store.url}/readyz`)
    await body.dump()
    const metrics = await (await request(`${store.url}/metrics`)).body.text()
    return statusCode === 200 && !cutOff.test(metrics)
  }, `${service} is back`)
}
