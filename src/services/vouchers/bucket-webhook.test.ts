import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWebhook, webhookSignature } from './bucket-webhook.ts'

const signature = webhookSignature('secret')
const body = {
  Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'b' }, object: { key: 'k', size: 1 } } }],
}

test('the webhook takes notifications with the signature, in the URL or as a bearer token', () => {
  const created = [{ bucket: 'b', key: 'k', bytes: 1 }]
  assert.deepEqual(readWebhook('secret', { signature, bearer: undefined, body }), created)
  assert.deepEqual(readWebhook('secret', { signature: undefined, bearer: signature, body }), created)
})

test('without the signature nothing is read; with it, what is no notification is refused', () => {
  for (const wrong of [undefined, '', 'x', signature.slice(0, -1), webhookSignature('another')])
    assert.throws(() => readWebhook('secret', { signature: wrong, bearer: undefined, body }), { status: 403 })
  assert.throws(() => readWebhook('secret', { signature, bearer: undefined, body: 'x' }), { status: 400 })
})
