import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawExchange, startGateway, startUpstream } from '../../../../test/support/gateway.ts'

test('a request is sent on, and again, with the key that makes that safe, whatever Connection says', async (t) => {
  const keys: unknown[] = []
  const dropping = () =>
    startUpstream(t, (incoming) => {
      keys.push(incoming.headers['idempotency-key'])
      incoming.socket.destroy()
    })
  const gateway = await startGateway(
    t,
    `coordinator=${(await dropping()).url};coordinator=${(await dropping()).url}`,
  )
  const head = 'POST /api/orders HTTP/1.1\r\nhost: a\r\nidempotency-key: key-12345\r\nx-own: 1\r\n'
  const text = await rawExchange(
    gateway.url,
    `${head}connection: close, Idempotency-Key, x-own\r\ncontent-length: 2\r\n\r\n{}`,
  )
  assert.match(text, /^HTTP\/1\.1 503/)
  assert.deepEqual(keys, ['key-12345', 'key-12345'])
})
