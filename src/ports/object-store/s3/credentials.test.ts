import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { s3Missing, stopSharedS3, testBucket } from '../../../../test/support/s3.ts'
import { ObjectStoreUnavailable, openObjectStore } from '../port.ts'
import { openCredentials } from './credentials.ts'
import { parseS3Url } from './url.ts'

after(stopSharedS3)
const skip = s3Missing()
const options = { secret: 'a secret of the test' }
const bytes = (text: string) => new TextEncoder().encode(text)
const inAnHour = () => new Date(Date.now() + 3600_000).toISOString()

test('a machine lends its keys to who asks for a token first, and the store takes them', {
  skip,
}, async (t) => {
  const { url } = await testBucket(t)
  const lender = await lendingMachine(t)
  await using store = await openObjectStore(asInstance(url, lender.url), options)
  lender.keys = keysOf(url)
  await store.put('a', bytes('x'), 'text/plain')
  assert.equal((await store.head('a'))?.bytes, 1)
  assert.deepEqual(lender.asked.slice(0, 3), [
    'PUT /latest/api/token',
    'GET /latest/meta-data/iam/security-credentials/',
    'GET /latest/meta-data/iam/security-credentials/shop',
  ])
  assert.equal(lender.withoutToken, 0)
  assert.equal(
    (await fetch(`${lender.url}/latest/meta-data/iam/security-credentials/`)).status,
    401,
    'the stand-in insists',
  )
})

test('keys that the store refuses are replaced at once; a machine that lends none is told of in words', {
  skip,
}, async (t) => {
  const { url, server } = await testBucket(t)
  const lender = await lendingMachine(t)
  lender.keys = { accessKey: 'octavo', secretKey: 'revoked' }
  const at = asInstance(url, lender.url)
  await using store = await openObjectStore(`${at}&public=http://127.0.0.1:${server.port}`, options)
  lender.keys = keysOf(url)
  await store.put('a', bytes('x'), 'text/plain')
  lender.token = 'an old session'
  await using inSession = await openObjectStore(`${at}&public=http://127.0.0.1:${server.port}`, options)
  const link = new URL(inSession.presign('a', Date.now() + 24 * 3600_000))
  assert.ok(Number(link.searchParams.get('X-Amz-Expires')) <= 2 * 3600, 'no link outlives its keys')
  assert.equal(link.searchParams.get('X-Amz-Security-Token'), 'an old session')
  lender.token = ''
  lender.keys = { accessKey: 'octavo', secretKey: 'replaced' }
  await assert.rejects(inSession.get('a'), ObjectStoreUnavailable)
  lender.keys = keysOf(url)
  assert.equal((await inSession.head('a'))?.bytes, 1)
  lender.expires = new Date(Date.now() - 1).toISOString()
  await using late = await openObjectStore(at, options)
  await assert.rejects(late.get('a'), /the instance lends no credentials/)
  await using nobody = await openObjectStore(asInstance(url, 'http://127.0.0.1:1'), options)
  await assert.rejects(nobody.get('a'), ObjectStoreUnavailable)
})

test('a pod is lent the keys of a role for its token, which is read anew each time', { skip }, async (t) => {
  const { url } = await testBucket(t)
  const folder = mkdtempSync(join(tmpdir(), 'octavo-token-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const token = join(folder, 'token')
  writeFileSync(token, 'not yet\n')
  const asked: URLSearchParams[] = []
  const { accessKey, secretKey } = keysOf(url)
  const sts = await listening(t, async (request) => {
    const form = new URLSearchParams(await bodyOf(request))
    asked.push(form)
    if (form.get('WebIdentityToken') !== 'a token of the cluster')
      return [400, '<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>']
    return [
      200,
      `<R><Result><Credentials><AccessKeyId>${accessKey}</AccessKeyId><SecretAccessKey>${secretKey}</SecretAccessKey>` +
        `<SessionToken></SessionToken><Expiration>${inAnHour()}</Expiration></Credentials></Result></R>`,
    ]
  })
  const role = encodeURIComponent('arn:aws:iam::1:role/shop')
  const at = `${withoutKeys(url)}&credentials=web-identity&role=${role}&token=${encodeURIComponent(token)}&sts=${sts}`
  const { credentials } = parseS3Url(at)
  {
    await using early = await openCredentials(credentials)
    assert.throws(() => early.current(), ObjectStoreUnavailable)
    await assert.rejects(early.renew(), /400 InvalidIdentityToken/)
  }
  writeFileSync(token, 'a token of the cluster\n')
  await using store = await openObjectStore(at, options)
  await store.put('a', bytes('x'), 'text/plain')
  assert.equal(asked.at(-1)?.get('RoleArn'), 'arn:aws:iam::1:role/shop')
})

const withoutKeys = (url: string) => url.replace(/^s3:\/\/[^@]*@/, 's3://')
const asInstance = (url: string, metadata: string) =>
  `${withoutKeys(url)}&credentials=instance&metadata=${encodeURIComponent(metadata)}`

function keysOf(url: string): { accessKey: string; secretKey: string } {
  const { credentials } = parseS3Url(url)
  assert.ok(credentials.kind === 'given')
  return credentials
}

/** A metadata service as EC2 has it, in its second version alone. */
async function lendingMachine(t: TestContext) {
  const machine = {
    url: '',
    keys: { accessKey: 'octavo', secretKey: 'none yet' },
    expires: inAnHour(),
    // The S3 server of the tests knows no sessions, and refuses who names one.
    token: '',
    asked: [] as string[],
    withoutToken: 0,
  }
  const rolesPath = '/latest/meta-data/iam/security-credentials/'
  machine.url = await listening(t, async ({ method, url, headers }) => {
    machine.asked.push(`${method} ${url}`)
    if (method === 'PUT')
      return headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined ? [400, ''] : [200, 'a token']
    if (headers['x-aws-ec2-metadata-token'] !== 'a token') {
      machine.withoutToken++
      return [401, '']
    }
    if (url === rolesPath) return [200, 'shop']
    const { accessKey, secretKey } = machine.keys
    return [
      200,
      JSON.stringify({
        ...{ Code: 'Success', AccessKeyId: accessKey, SecretAccessKey: secretKey },
        ...{ Token: machine.token, Expiration: machine.expires },
      }),
    ]
  })
  return machine
}

async function listening(
  t: TestContext,
  answer: (request: IncomingMessage) => Promise<[status: number, body: string]>,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request)
    response.writeHead(status).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}
