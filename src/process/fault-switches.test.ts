import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig } from '#config'
import type { Payment } from '#ports/payment'
import { metricsText } from '#ports/telemetry'
import { faultyPayment, showFaults } from './fault-switches.ts'

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
  assert.match(metricsText('faulty'), /^octavo_fault_switch\{fault="failing-pdf"\} 1$/m)
  assert.match(metricsText('faulty'), /^octavo_fault_switch\{fault="slow-payment"\} 0$/m)
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
