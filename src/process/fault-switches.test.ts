import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig } from '#config'
import { openCache } from '#ports/cache'
import { openPayment, type Payment } from '#ports/payment'
import { metricsOf } from '#ports/telemetry'
import { testDatabase } from '../../test/support/database.ts'
import { faultyPayment, lyingCache, showFaults, slowReads } from './fault-switches.ts'

const asked: string[] = []
const payment = {
  authorise: async (key: string) => {
    asked.push(key)
    return { kind: 'authorised' }
  },
} as unknown as Payment
const amount = { amount: 1, currency: 'EUR' }

test('no fault is set unless somebody does, and none where the store is in production', () => {
  assert.deepEqual(readConfig({}).faults, [])
  assert.deepEqual(readConfig({ OCTAVO_FAULTS: 'slow-payment,failing-pdf' }).faults, [
    'slow-payment',
    'failing-pdf',
  ])
  assert.throws(() => readConfig({ OCTAVO_FAULTS: 'rain' }), ConfigError)
  const inProduction = { OCTAVO_FAULTS: 'slow-payment', OCTAVO_ENV: 'production' }
  assert.throws(() => readConfig(inProduction), /OCTAVO_FAULTS/)
})

test('a switched fault shows as a number', () => {
  showFaults('faulty', ['failing-pdf'])
  assert.match(String(metricsOf('faulty').body), /^octavo_fault_switch\{fault="failing-pdf"\} 1$/m)
  assert.match(String(metricsOf('faulty').body), /^octavo_fault_switch\{fault="slow-payment"\} 0$/m)
})

test('a payment takes its time, or loses its answer after it was made', async () => {
  const slept: number[] = []
  const sleep = async (ms: number) => void slept.push(ms)
  assert.equal(faultyPayment(payment, [], sleep), payment)
  const slow = faultyPayment(payment, ['slow-payment'], sleep)
  assert.deepEqual(await slow.authorise('a', amount, ''), { kind: 'authorised' })
  assert.equal(slept.length, 1)
  await assert.rejects(faultyPayment(payment, ['failing-payment'], sleep).authorise('b', amount, ''), /lost/)
  assert.deepEqual(asked, ['a', 'b'])
})

test('a cache that lies shows the first entry for ever, and is seen to', async () => {
  const cache = await openCache('memory:')
  assert.equal(lyingCache(cache, []), cache)
  const liar = lyingCache(cache, ['cache-liar'])
  const [old, fresh] = [Buffer.from('old'), Buffer.from('new')]
  await liar.write('a', old, 10_000)
  await liar.write('a', fresh, 10_000)
  await liar.evict(['a'])
  assert.deepEqual(await liar.read('a'), old)
  assert.deepEqual(await cache.read('a'), fresh, 'the cache itself is honest')
  assert.match(String(metricsOf('any').body), /^octavo_fault_strikes_total\{fault="cache-liar"\} 1$/m)
  await liar[Symbol.asyncDispose]()
})

test('reads at a slow replica come late, and are seen to', async () => {
  const reads = { reader: async (seen?: string) => `read at ${seen}` }
  const slept: number[] = []
  const sleep = async (ms: number) => void slept.push(ms)
  assert.equal(slowReads(reads, [], sleep), reads)
  assert.equal(await slowReads(reads, ['slow-replica'], sleep).reader('7'), 'read at 7')
  assert.deepEqual(slept, [400])
  assert.match(String(metricsOf('any').body), /^octavo_fault_strikes_total\{fault="slow-replica"\} 1$/m)
})

test('answers that a switch loses count as the provider’s, which an alert looks at', async (t) => {
  const { url } = await testDatabase(t, 'payment')
  const faulty = (provider: Payment) => faultyPayment(provider, ['failing-payment'], async () => undefined)
  await using payment = await openPayment(`test+${url}`, faulty)
  const tokenised = payment.tokenise({ method: 'test', card: '4242424242424242' })
  assert.ok(tokenised.kind === 'ok')
  await assert.rejects(payment.authorise(crypto.randomUUID(), amount, tokenised.token), /lost/)
  const lost = /^octavo_payment_seconds_count\{operation="authorise",outcome="unknown"\} 1$/m
  assert.match(String(metricsOf('any').body), lost)
})
