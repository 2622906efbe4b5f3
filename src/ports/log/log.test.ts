import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logger, neverLog, openLog } from './port.ts'

function logged(
  work: (log: ReturnType<typeof logger>) => void,
  level = 'info',
  format: 'json' | 'pretty' = 'json',
) {
  let text = ''
  openLog({
    level,
    format,
    fields: { role: 'orders', instance: 'host.1' },
    write: (line) => {
      text += line
    },
  })
  work(logger('test'))
  return text
}

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('a line is JSON with its time, level, role, instance, part and fields', () => {
  const [line] = lines(logged((log) => log.warn('a hold is late', { orderId: 'o1', transactionId: 't1' })))
  const { time, ...rest } = line
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    level: 'warn',
    role: 'orders',
    instance: 'host.1',
    part: 'test',
    orderId: 'o1',
    transactionId: 't1',
    message: 'a hold is late',
  })
})

test('a line about an order or a transaction has the id of its trace', () => {
  const [order, transaction] = [
    '01A2240C-8a57-719d-b6d6-db8300000001',
    '01a2240c-8a57-719d-b6d6-db83f0000002',
  ]
  const [first, second, third] = lines(
    logged((log) => {
      log.warn('stuck', { orderId: order, transactionId: transaction })
      log.warn('recovered', { transactionId: transaction })
      log.warn('other')
    }),
  )
  assert.equal(first.traceId, order.replaceAll('-', '').toLowerCase())
  assert.equal(second.traceId, transaction.replaceAll('-', ''))
  assert.equal(third.traceId, undefined)
})

test('what is below the level is not written, and a logger made before follows what is set after', () => {
  const early = logger('early')
  assert.equal(
    logged(() => early.info('quiet'), 'warn'),
    '',
  )
  assert.match(
    logged(() => early.debug('loud'), 'debug'),
    /loud/,
  )
  assert.equal(
    logged(() => early.error('quiet'), 'silent'),
    '',
  )
})

test('an error is told with its causes; the place in the code only where it is a bug', () => {
  class Away extends Error {
    override name = 'Away'
  }
  const error = new Away('the broker is away', { cause: new TypeError('not a function') })
  const [line] = lines(logged((log) => log.error('lost', { error })))
  assert.equal(line.error.message, 'the broker is away')
  assert.equal(line.error.stack, undefined)
  assert.match(line.error.cause.stack, /not a function/)
})

test('for people it is a time, the sentence and the fields', () => {
  const text = logged((log) => log.info('migrated', { to: 3, error: new Error('x') }), 'info', 'pretty')
  assert.match(text, /^\d\d:\d\d:\d\d test: migrated to=3:\nError: x\n {4}at/)
  assert.match(
    logged((log) => log.warn('odd'), 'info', 'pretty'),
    /^\S+ warn test: odd\n$/,
  )
})

test('no line shows a secret, a token, a card, a password or an e-mail address', () => {
  neverLog('the planted secret')
  neverLog('postgres://octavo:pass-planted%2Fx@db/books')
  const planted = [
    'the planted secret',
    'pass-planted',
    'ada@example.org',
    '4242424242424242',
    '4242 4242 4242 4242',
    'tok-planted',
    'bearer-planted',
  ]
  const text = logged((log) => {
    log.info('said: the planted secret, by ada@example.org', { card: '4242424242424242' })
    log.warn('cannot reach postgres://octavo:pass-planted%2Fx@db/books', { email: 'ada@example.org' })
    log.warn('paid with 4242 4242 4242 4242 at /api/orders/1/events?token=tok-planted&x=1')
    log.error('refused', { error: new Error('Authorization: Bearer bearer-planted'), token: 'tok-planted' })
    log.error('nested', { error: new Error('outer', { cause: new Error('Key (email)=(ada@example.org)') }) })
    log.info('ends on\nada@example.org', { deep: [{ password: 'tok-planted' }] })
  })
  assert.equal(lines(text).length, 6, 'and every line is still JSON')
  for (const each of planted) assert.ok(!text.includes(each), `${each} in\n${text}`)
})

test('what only looks like a card is left alone: ISBNs, ids and times', () => {
  const harmless = '9780141439518 01a223da-82fa-74b4-952b-46ef08ed3d31 1764360652123 2026-11-28T20:30:52.123Z'
  assert.ok(logged((log) => log.info(harmless)).includes(harmless))
})
