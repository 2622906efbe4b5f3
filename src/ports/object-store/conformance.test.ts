import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { TestScope } from '../../../test/support/database.ts'
import { s3Missing, stopSharedS3, testBucket } from '../../../test/support/s3.ts'
import {
  checkLink,
  InvalidKey,
  type ObjectCreated,
  ObjectStoreUnavailable,
  objectStoreAdapters,
  openObjectStore,
} from './port.ts'

const secret = 'a secret of the test'
/** Where a test finds a fresh store, by the scheme of the adapter. */
const stores: Readonly<Record<string, (t: TestScope) => Promise<string>>> = {
  file: fileUrl,
  s3: async (t) => (await testBucket(t)).url,
}
const missing: Readonly<Record<string, string | false>> = { s3: s3Missing() }
after(stopSharedS3)
const bytes = (text: string) => new TextEncoder().encode(text)

test('every object store adapter has a store to be tested on', () => {
  assert.deepEqual(Object.keys(stores).sort(), Object.keys(objectStoreAdapters).sort())
})

for (const [name, urlFor] of Object.entries(stores)) {
  const skip = missing[name] ?? false
  const fresh = async (t: TestScope, onCreated?: (created: ObjectCreated) => void) => {
    return openObjectStore(await urlFor(t), { secret, onCreated })
  }

  test(`${name}: an object comes back as it was put, with its type, and can be replaced and deleted`, {
    skip,
  }, async (t) => {
    await using store = await fresh(t)
    const body = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)
    await store.put('a/b.pdf', body, 'application/pdf')
    const object = await store.get('a/b.pdf')
    assert.deepEqual(Buffer.from(object?.body ?? []), Buffer.from(body))
    assert.equal(object?.contentType, 'application/pdf')
    assert.deepEqual(await store.head('a/b.pdf'), { bytes: 100_000, contentType: 'application/pdf' })
    await store.put('a/b.pdf', bytes('new'), 'text/plain; charset=utf-8')
    assert.deepEqual(await store.head('a/b.pdf'), { bytes: 3, contentType: 'text/plain; charset=utf-8' })
    await store.delete('a/b.pdf')
    await store.delete('a/b.pdf')
    assert.equal(await store.get('a/b.pdf'), undefined)
    assert.equal(await store.head('a/b.pdf'), undefined)
  })

  test(`${name}: what was never put is not there, and an empty object is`, { skip }, async (t) => {
    await using store = await fresh(t)
    await store.put('folder/empty', new Uint8Array(0), 'text/plain')
    assert.equal((await store.get('folder/empty'))?.body.length, 0)
    assert.equal(await store.get('folder'), undefined)
    assert.equal(await store.get('folder/empty/more'), undefined)
    assert.equal(await store.head('nothing/here'), undefined)
  })

  test(`${name}: keys may hold any text, and are listed in order under any prefix`, { skip }, async (t) => {
    await using store = await fresh(t)
    const keys = [
      '.hidden',
      '~',
      'a b/c%2Fd',
      'a+b?c#d',
      'a/.tmp/x',
      'v/1.pdf',
      'v/10.pdf',
      'v/2.pdf',
      'Łódź/書/😀.svg',
    ]
    for (const key of [...keys].reverse()) await store.put(key, bytes(key), 'text/plain')
    for (const key of keys) assert.equal(Buffer.from((await store.get(key))?.body ?? []).toString(), key)
    assert.deepEqual(await store.list(''), [...keys].sort())
    assert.deepEqual(await store.list('v/1'), ['v/1.pdf', 'v/10.pdf'])
    assert.deepEqual(await store.list('v/'), ['v/1.pdf', 'v/10.pdf', 'v/2.pdf'])
    assert.deepEqual(await store.list('nothing/'), [])
  })

  test(`${name}: a key that reaches outside or means nothing is refused by every call`, {
    skip,
  }, async (t) => {
    await using store = await fresh(t)
    const wrong = [
      '',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../../b',
      'a\u0000b',
      'a\nb',
      '\ud800',
      'x'.repeat(513),
    ]
    for (const key of wrong) {
      await assert.rejects(store.put(key, bytes('x'), 'text/plain'), InvalidKey, key)
      await assert.rejects(store.get(key), InvalidKey, key)
      await assert.rejects(store.head(key), InvalidKey, key)
      await assert.rejects(store.delete(key), InvalidKey, key)
      assert.throws(() => store.presign(key, 1), InvalidKey, key)
    }
  })

  test(`${name}: each put is announced once it can be read, and a deaf listener changes nothing`, {
    skip,
  }, async (t) => {
    const announced: ObjectCreated[] = []
    await using store = await fresh(t, (created) => {
      announced.push(created)
      throw new Error('nobody listens')
    })
    await store.put('v/1', bytes('four'), 'text/plain')
    await store.put('v/1', bytes('again'), 'text/plain')
    assert.deepEqual(
      announced.map(({ key, bytes: size }) => [key, size]),
      [
        ['v/1', 4],
        ['v/1', 5],
      ],
    )
    assert.ok(announced[0]?.bucket)
    assert.equal((await store.head('v/1'))?.bytes, 5)
  })

  test(`${name}: concurrent puts on one key leave one of them whole`, { skip }, async (t) => {
    await using store = await fresh(t)
    const bodies = Array.from({ length: 20 }, (_, i) => new Uint8Array(50_000).fill(i))
    await Promise.all(bodies.map((body) => store.put('deep/er/key', body, 'application/octet-stream')))
    const object = await store.get('deep/er/key')
    assert.equal(object?.body.length, 50_000)
    assert.equal(new Set(object?.body).size, 1)
  })
}

test('files: a link opens its own object, unchanged, until it expires', async (t) => {
  await using store = await openObjectStore(await fileUrl(t), { secret })
  const key = 'vouchers/å b/1.pdf'
  const url = new URL(store.presign(key, 5000.7), 'http://localhost')
  assert.equal(url.pathname, `/api/files/${encodeURIComponent(key)}`)
  const link = {
    key,
    expires: Number(url.searchParams.get('expires')),
    signature: url.searchParams.get('signature') ?? '',
  }
  assert.deepEqual(checkLink(secret, link, 4999), { kind: 'ok' })
  assert.deepEqual(checkLink(secret, link, 5000), { kind: 'expired' })
  for (const forged of [
    { ...link, key: 'vouchers/å b/2.pdf' },
    { ...link, expires: 6000 },
    { ...link, signature: '' },
    { ...link, signature: link.signature.slice(0, -2) },
    { ...link, signature: `${link.signature.slice(0, -3)}AAA` },
  ])
    assert.deepEqual(checkLink(secret, forged, 0), { kind: 'forged' })
  assert.deepEqual(checkLink('another secret', link, 0), { kind: 'forged' })
})

test('files: a file that was cut short is not an object', async (t) => {
  const url = await fileUrl(t)
  await using store = await openObjectStore(url, { secret })
  await store.put('one.bin', new Uint8Array(1000), 'application/octet-stream')
  await truncate(new URL('one.bin', `${url}/`), 900)
  await writeFile(new URL('two.bin', `${url}/`), 'put there by hand')
  for (const key of ['one.bin', 'two.bin']) {
    assert.equal(await store.get(key), undefined)
    assert.equal(await store.head(key), undefined)
  }
})

test('files: a full disk is said clearly and leaves the old object, and nothing half-written', async (t) => {
  const url = await fileUrl(t)
  await using store = await openObjectStore(url, { secret })
  await store.put('a', bytes('old'), 'text/plain')
  // A limit on the size of files stands for the disk: the write fails in its middle in the same way.
  const program = `
    const { openObjectStore } = await import(${JSON.stringify(new URL('./port.ts', import.meta.url).href)})
    const store = await openObjectStore(${JSON.stringify(url)}, { secret: '' })
    await store.put('a', new Uint8Array(200_000), 'text/plain').catch((error) => console.log(error.name, error.message))`
  const run = ['-c', 'ulimit -f 40; exec "$0" --input-type=module -e "$1"', process.execPath, program]
  assert.match(execFileSync('sh', run, { encoding: 'utf8' }), /^ObjectStoreFull no room to store a \(EFBIG\)/)
  assert.equal(Buffer.from((await store.get('a'))?.body ?? []).toString(), 'old')
  assert.deepEqual(await readdir(new URL('.tmp', `${url}/`)), [])
})

test('files: a folder that is not there is a store that is away, and no store without objects', async (t) => {
  const url = await fileUrl(t)
  await using store = await openObjectStore(url, { secret })
  await store.put('a', bytes('old'), 'text/plain')
  await rm(new URL(url), { recursive: true })
  await assert.rejects(store.put('a', bytes('new'), 'text/plain'), ObjectStoreUnavailable)
  await assert.rejects(store.get('a'), ObjectStoreUnavailable)
  await assert.rejects(store.head('a'), ObjectStoreUnavailable)
  await assert.rejects(store.delete('a'), ObjectStoreUnavailable)
  await assert.rejects(store.list(''), ObjectStoreUnavailable)
})

test('an unknown scheme is refused with the schemes there are', async () => {
  await assert.rejects(openObjectStore('ftp://x', { secret }), /there is file:, s3:/)
})

async function fileUrl(t: TestScope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-objects-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return pathToFileURL(folder).href
}
