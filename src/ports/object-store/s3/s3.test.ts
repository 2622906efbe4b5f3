import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { s3Missing, startS3, stopSharedS3, testBucket } from '../../../../test/support/s3.ts'
import { ObjectStoreFull, ObjectStoreUnavailable, openObjectStore } from '../port.ts'
import { signedHeaders, signedPath } from './signature.ts'
import { parseS3Url } from './url.ts'

after(stopSharedS3)
const skip = s3Missing()
const options = { secret: 'a secret of the test' }
const bytes = (text: string) => new TextEncoder().encode(text)

// The examples of the Amazon S3 API reference, "Signature Calculations for the Authorization Header" and "Query Parameters".
const example = {
  ...{ method: 'GET', host: 'examplebucket.s3.amazonaws.com', path: '/test.txt', query: {} },
  region: 'us-east-1',
  credentials: { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  nowMs: Date.UTC(2013, 4, 24),
}

test('requests and links are signed as the examples of the reference are', () => {
  const got = signedHeaders(example, { range: 'bytes=0-9' }, new Uint8Array(0))
  assert.match(
    got.authorization ?? '',
    /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/,
  )
  const list = { ...example, path: '/', query: { 'max-keys': '2', prefix: 'J' } }
  assert.match(
    signedHeaders(list, {}, new Uint8Array(0)).authorization ?? '',
    /Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7$/,
  )
  assert.match(
    signedPath(example, 86_400),
    /X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404$/,
  )
})

test('a URL that cannot be used is refused in words, and its key is in none of them', () => {
  for (const [url, what] of [
    ['s3://key:topsecret@host', /should look like/],
    ['s3://host/bucket', /needs credentials/],
    ['s3://key:topsecret@host/bucket?stile=path', /no parameter "stile"/],
    ['s3://key:topsecret@host/bucket?style=upside', /path or host/],
    ['s3://key:topsecret@host/bucket?sse=none', /AES256 or aws:kms/],
    ['s3://key:topsecret@host/bucket?public=ftp://x', /https:/],
  ] as const)
    assert.throws(
      () => parseS3Url(url),
      (error: Error) => what.test(error.message) && !error.message.includes('topsecret'),
    )
  assert.equal(parseS3Url('s3://k:s%2F@h/b').endpoint, 'https://h')
})

test('a browser opens an object straight from a public store by its link, and by no other', {
  skip,
}, async (t) => {
  const { server, name } = await testBucket(t)
  const origin = `http://127.0.0.1:${server.port}`
  await using store = await openObjectStore(server.bucket(name, `&public=${origin}`), options)
  const key = 'vouchers/å b+c/1.pdf'
  await store.put(key, bytes('pdf'), 'application/pdf')
  const link = store.presign(key, Date.now() + 3600_000)
  assert.equal(link, store.presign(key, Date.now() + 3600_000), 'the link stays the same for a while')
  const answer = await fetch(link)
  assert.equal(await answer.text(), 'pdf')
  assert.equal(answer.headers.get('content-type'), 'application/pdf')
  assert.equal(answer.headers.get('content-disposition'), null)
  const saved = await fetch(store.presign(key, Date.now() + 3600_000, 'voucher-1.pdf'))
  assert.equal(saved.headers.get('content-disposition'), 'attachment; filename="voucher-1.pdf"')
  await store.put('other', bytes('other'), 'text/plain')
  assert.equal((await fetch(link.replace(/vouchers.*\?/, 'other?'))).status, 403)
  const forged = link.replace(/Signature=(.)/, (_, first) => `Signature=${first === '0' ? '1' : '0'}`)
  assert.equal((await fetch(forged)).status, 403)
  assert.equal((await fetch(store.presign(key, Date.now() - 24 * 3600_000))).status, 403)
})

test('objects beyond a page are listed whole', { skip }, async (t) => {
  const { url } = await testBucket(t)
  await using store = await openObjectStore(url, options)
  const keys = Array.from({ length: 1_050 }, (_, i) => `v/${i}`)
  for (let i = 0; i < keys.length; i += 50)
    await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, new Uint8Array(1), 'text/plain')))
  assert.deepEqual(await store.list('v/'), [...keys].sort())
})

test('a store that is killed, without the bucket or with other keys is away, and no store without objects', {
  skip,
}, async (t) => {
  const server = await startS3(t)
  await using store = await openObjectStore(server.bucket('bucket'), options)
  await store.put('a', bytes('kept'), 'text/plain')
  const isAway = async () => {
    const asked = [
      store.put('a', bytes('x'), 'text/plain'),
      store.get('a'),
      store.head('nothing'),
      store.list(''),
    ]
    await Promise.all(asked.map((one) => assert.rejects(one, ObjectStoreUnavailable)))
  }
  await server.kill()
  await isAway()
  await server.start()
  assert.equal(Buffer.from((await store.get('a'))?.body ?? []).toString(), 'kept')
  await using elsewhere = await openObjectStore(
    server.bucket('bucket').replace('/bucket?', '/missing?'),
    options,
  )
  await assert.rejects(elsewhere.get('a'), ObjectStoreUnavailable)
  await assert.rejects(elsewhere.head('a'), /no bucket missing/)
  await using stranger = await openObjectStore(server.bucket('bucket').replace('octavo:', 'nobody:'), options)
  await assert.rejects(stranger.get('a'), /InvalidAccessKeyId|XAdminUserNotFound/)
})

test('credentials in a file are read again when those known are no longer good', { skip }, async (t) => {
  const { url, server } = await testBucket(t)
  const folder = mkdtempSync(join(tmpdir(), 'octavo-credentials-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'credentials')
  const write = (secret: string) =>
    writeFileSync(path, `[default]\naws_access_key_id = octavo\naws_secret_access_key = ${secret}\n`)
  write('expired')
  const [, given = ''] = /^s3:\/\/([^@]*)@/.exec(url) ?? []
  assert.ok(server.port)
  await using store = await openObjectStore(
    `${url.replace(`${given}@`, '')}&credentials=${encodeURIComponent(path)}`,
    options,
  )
  await assert.rejects(store.get('a'), /403 SignatureDoesNotMatch/)
  write(decodeURIComponent(given.split(':')[1] ?? ''))
  await store.put('a', bytes('x'), 'text/plain')
})

test('a full disk is said to be that; an answer that is none of the store is no missing object', async (t) => {
  const answers: RequestListener = (request, response) => {
    request.resume()
    if (request.method === 'PUT') response.writeHead(507).end('<Error><Code>XMinioStorageFull</Code></Error>')
    else response.writeHead(404, { 'content-type': 'text/html' }).end('<html>no such host<p>')
  }
  const url = await standIn(t, answers)
  await using store = await openObjectStore(url, options)
  await assert.rejects(store.put('a', bytes('x'), 'text/plain'), ObjectStoreFull)
  await assert.rejects(store.get('a'), ObjectStoreUnavailable)
  await assert.rejects(store.head('a'), ObjectStoreUnavailable)
})

test('a store by whose clock it is another time takes what is signed all the same', async (t) => {
  const aheadMs = 3600_000
  const url = await standIn(t, (request, response) => {
    request.resume()
    const theirsMs = Date.now() + aheadMs
    const [, year, month, day, hour, minute] =
      /^(....)(..)(..)T(..)(..)/.exec(String(request.headers['x-amz-date'])) ?? []
    const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`)
    const isNow = Math.abs(signedMs - theirsMs) < 15 * 60_000
    response.setHeader('date', new Date(theirsMs).toUTCString())
    if (isNow) response.end('kept')
    else response.writeHead(403).end('<Error><Code>RequestTimeTooSkewed</Code></Error>')
  })
  await using store = await openObjectStore(`${url}&public=http://objects.example.org`, options)
  assert.equal(Buffer.from((await store.get('a'))?.body ?? []).toString(), 'kept')
  // Of the full hour by the store's clock.
  const link = new URL(store.presign('a', Date.now() + 600_000)).searchParams
  const hour = new Date(Date.now() + aheadMs).toISOString().slice(0, 13).replaceAll('-', '')
  assert.equal(link.get('X-Amz-Date')?.slice(0, 11), hour)
  const seconds = Number(link.get('X-Amz-Expires'))
  assert.ok(seconds > 590 && seconds <= 4_200, `${seconds} s from the full hour on`)
})

test('what is asked for is asked: encryption, the bucket in the host, no rule over what others made', async (t) => {
  const asked: { method: string; url: string; headers: NodeJS.Dict<string | string[]> }[] = []
  let rules = 404
  const url = await standIn(t, (request, response) => {
    request.resume()
    asked.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
    if (request.method === 'GET') response.writeHead(rules).end('<L><Rule><ID>theirs</ID></Rule></L>')
    else response.end()
  })
  {
    await using store = await openObjectStore(`${url}&sse=aws:kms&sse-key=k1`, options)
    await store.put('a', bytes('x'), 'text/plain')
  }
  assert.equal(asked[0]?.headers['x-amz-server-side-encryption'], 'aws:kms')
  assert.equal(asked[0]?.headers['x-amz-server-side-encryption-aws-kms-key-id'], 'k1')
  const { setLifecycle } = await import('./lifecycle.ts')
  const { openS3Client } = await import('./client.ts')
  await using client = await openS3Client(parseS3Url(url))
  await setLifecycle(client, 30)
  assert.deepEqual(asked.at(-1)?.method, 'PUT')
  rules = 200
  await setLifecycle(client, 30)
  assert.deepEqual(asked.at(-1)?.method, 'GET')
  assert.match(store(url), /^http:\/\/bucket\.127\.0\.0\.1/)
})

/** Where a store in the host's style is reached. */
function store(url: string): string {
  const { endpoint, bucket } = parseS3Url(`${url}&style=host`)
  return endpoint.replace('://', `://${bucket}.`)
}

async function standIn(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `s3://key:secret@127.0.0.1:${(server.address() as { port: number }).port}/bucket?tls=off`
}
