import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readBucketRecords } from './bucket-records.ts'

const record = (eventName: string, key: unknown) => {
  return { eventVersion: '2.3', eventName, s3: { bucket: { name: 'b' }, object: { key, size: 7 } } }
}

test('a notification names the objects that were created, their keys decoded', () => {
  const body = {
    EventName: 's3:ObjectCreated:Put',
    Records: [
      record('ObjectCreated:Put', 'vouchers/a+b/%C3%A5%2B.pdf'),
      record('s3:ObjectCreated:Copy', 'c'),
      record('ObjectRemoved:Delete', 'd'),
    ],
  }
  assert.deepEqual(readBucketRecords(body), [
    { bucket: 'b', key: 'vouchers/a b/å+.pdf', bytes: 7 },
    { bucket: 'b', key: 'c', bytes: 7 },
  ])
  assert.deepEqual(readBucketRecords({ Service: 'S3', Event: 's3:TestEvent', Bucket: 'b' }), [])
})

test('what is no notification is told from one without news', () => {
  for (const wrong of [
    null,
    'text',
    [],
    {},
    { Records: 'x' },
    { Records: [null] },
    { Records: [{ eventName: 'ObjectCreated:Put' }] },
    { Records: [record('ObjectCreated:Put', '%')] },
    { Records: [record('ObjectCreated:Put', 5)] },
    { Records: Array.from({ length: 1_001 }, () => record('ObjectRemoved:Delete', 'k')) },
  ])
    assert.equal(readBucketRecords(wrong), undefined, JSON.stringify(wrong)?.slice(0, 100))
})
