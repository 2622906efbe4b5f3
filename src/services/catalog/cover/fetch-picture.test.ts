import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type FetchOverrides, fetchPicture, pictureLimits } from './fetch-picture.ts'

const folder = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'support', 'certificates')
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 1, 2, 3])

const asked: string[] = []
const server = createServer({ cert: read('first.pem'), key: read('first.key.pem') }, (request, response) => {
  const path = request.url ?? ''
  asked.push(path)
  const redirect = (location: string) => response.writeHead(302, { location }).end()
  if (path === '/cover.png') response.writeHead(200, { 'content-type': 'text/html' }).end(png)
  else if (path === '/page') response.end('<html>not a picture</html>')
  else if (path === '/large') response.end(Buffer.concat([png, Buffer.alloc(pictureLimits.bytesMax)]))
  else if (path === '/moved') redirect('/cover.png')
  else if (path === '/round') redirect('/round')
  else if (path === '/inside') redirect(`https://127.0.0.1:${port()}/cover.png`)
  else if (path === '/metadata') redirect(`https://inside.example:${port()}/cover.png`)
  else if (path === '/plain') redirect('http://publisher.example/cover.png')
  else if (path === '/slow') response.write(png)
  else response.writeHead(404).end()
})
const port = () => (server.address() as AddressInfo).port

before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => {
  server.closeAllConnections()
  server.close()
})

/** The publisher is at an address that is allowed here, and everything else inside is not. */
const publisher = '127.0.0.1'
const world = (more: Partial<FetchOverrides> = {}): FetchOverrides => ({
  resolve: async (host) => [{ address: host === 'publisher.example' ? publisher : '127.0.0.2', family: 4 }],
  isAllowed: (address) => address === publisher,
  ports: [String(port())],
  ca: read('first.pem'),
  certificateName: 'localhost',
  timeoutMs: 5_000,
  ...more,
})
const at = (path: string) => `https://publisher.example:${port()}${path}`
const never = new AbortController().signal
const messageOf = async (link: string, overrides = world()) => {
  const found = await fetchPicture(link, never, overrides)
  return found.kind === 'none' ? found.message : 'a picture'
}

test('a picture is fetched and known by its bytes, also behind a redirect', async () => {
  for (const path of ['/cover.png', '/moved']) {
    const found = await fetchPicture(at(path), never, world())
    assert.deepEqual(found, { kind: 'picture', type: 'image/png', bytes: png })
  }
})

test('what is no picture, too large, too slow, not there or goes in circles is none', async () => {
  assert.equal(await messageOf(at('/page')), 'is no JPEG, PNG or WebP picture')
  assert.equal(await messageOf(at('/large')), 'is larger than 3 MiB')
  assert.equal(await messageOf(at('/nothing')), 'was answered with 404')
  assert.equal(await messageOf(at('/round')), 'redirects too often')
  assert.equal(await messageOf(at('/slow'), world({ timeoutMs: 300 })), 'did not come within 0.3 s')
})

test('no name, number, redirect or later answer for a name leads inside', async () => {
  const before = asked.length
  const inside = 'leads to no public address'
  const onlyPublic = world({ isAllowed: () => false })
  assert.equal(await messageOf(at('/cover.png'), onlyPublic), inside)
  for (const host of ['127.0.0.2', '2130706434', '0x7f.2', '[::1]', '[::ffff:127.0.0.2]', 'inside.example'])
    assert.equal(await messageOf(`https://${host}:${port()}/cover.png`), inside, host)
  assert.equal(asked.length, before, 'nobody was asked')
  // Who redirects is asked; where it leads is not.
  const numbers = world({ isAllowed: (address) => address === publisher })
  assert.equal(await messageOf(at('/metadata'), numbers), inside)
  assert.equal(await messageOf(at('/plain')), 'is not of https on its own port')
  // A name that answers with a public address first and with one inside when it is connected to.
  const answers = [publisher, '127.0.0.2']
  const rebinding = world({ resolve: async () => [{ address: answers.shift() ?? '127.0.0.2', family: 4 }] })
  assert.equal(await messageOf(at('/moved'), rebinding), inside)
  const mixed = world({
    resolve: async () => [
      { address: publisher, family: 4 },
      { address: '127.0.0.2', family: 4 },
    ],
  })
  assert.equal(await messageOf(at('/cover.png'), mixed), inside)
})

test('only https on its own port is asked, and no password is sent', async () => {
  for (const link of [
    'http://publisher.example/',
    'ftp://publisher.example/',
    'file:///etc/passwd',
    'https://publisher.example:22/',
  ])
    assert.equal(await messageOf(link), 'is not of https on its own port', link)
  assert.equal(await messageOf(`https://ada:secret@publisher.example:${port()}/`), 'holds a password')
  assert.equal(await messageOf('covers/1.jpg'), 'is no address')
})

test('who stops an import stops its pictures', async () => {
  const stop = new AbortController()
  const fetched = fetchPicture(at('/slow'), stop.signal, world())
  setTimeout(() => stop.abort(new Error('stopped')), 50)
  await assert.rejects(fetched, /stopped/)
})
