import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync } from 'node:zlib'
import { systemClock } from '#ports/clock'
import {
  json,
  openResponse,
  rawExchange,
  startGateway,
  startUpstream,
  until,
} from '../../../../test/support/gateway.ts'

async function roots(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'octavo-pages-'))
  t.after(() => rm(root, { recursive: true }))
  const files: Record<string, string> = {
    'secret.txt': 'secret',
    'site/index.html':
      '<title>Home</title><ul data-drops="en" data-drops-max="2"><!-- octavo:drops --></ul><script>let inline</script>',
    'site/about/index.html': '<title>About</title>',
    'site/404.html': '<title>Not here</title>',
    'site/.hidden': 'hidden',
    'site/_astro/page.CO9k3CUv.css': `/* ${'x'.repeat(4_000)} */`,
    'shop/index.html': '<title>Shop</title>',
    'shop/assets/index-B25AKrTU.js': 'export {}',
    'docs/index.html': '<title>API</title>',
    'docs/openapi.json': '{"openapi":"3.1.0"}',
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), text)
  }
  await symlink(join(root, 'secret.txt'), join(root, 'site', 'link.txt'))
  return { root, site: join(root, 'site'), shop: join(root, 'shop'), docs: join(root, 'docs') }
}

test('pages answer at their addresses, the shop and the console with a history of their own', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const titles: Record<string, string> = {
    '/': 'Home',
    '/about': 'About',
    '/about/': 'About',
    '/shop': 'Shop',
    '/shop/': 'Shop',
    '/shop/books/9780141439518?x=1': 'Shop',
    '/console/orders': 'Shop',
    '/docs': 'API',
    '/docs/': 'API',
  }
  for (const [path, title] of Object.entries(titles)) {
    const answer = await fetch(gateway.url + path)
    assert.equal(answer.status, 200, path)
    assert.match(await answer.text(), new RegExp(`<title>${title}`), path)
  }
  assert.equal(
    (await fetch(`${gateway.url}/openapi.json`)).headers.get('content-type'),
    'application/json; charset=utf-8',
  )
  assert.equal((await fetch(`${gateway.url}/shop/assets/gone-12345678.js`)).status, 404)
  assert.equal((await fetch(gateway.url, { method: 'POST' })).status, 405)
})

test('a page that is not there is a page for people and a problem for programs', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const forPeople = await fetch(`${gateway.url}/nope`, { headers: { accept: 'text/html,*/*' } })
  assert.equal(forPeople.status, 404)
  assert.match(await forPeople.text(), /Not here/)
  const forPrograms = await fetch(`${gateway.url}/nope`)
  assert.equal(forPrograms.headers.get('content-type'), 'application/problem+json; charset=utf-8')
})

test('nothing outside the folders can be read', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const paths = [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/about/../../secret.txt',
    '/about/..%5c..%5csecret.txt',
    '/shop/../../secret.txt',
    '/shop/%2e%2e%2fsecret.txt',
    '/docs/..%2fsecret.txt',
    '/link.txt',
    '/.hidden',
    '/secret.txt%00.html',
    '//etc/passwd',
    '/file:///etc/passwd',
  ]
  for (const path of paths) {
    const text = await rawExchange(
      gateway.url,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    )
    assert.match(text, /^HTTP\/1\.1 (404|400)/, path)
    assert.doesNotMatch(text, /secret$|root:/, path)
  }
})

test('files are cached by what they are: for ever with a hash in the name, by ETag otherwise', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const hashed = await fetch(`${gateway.url}/_astro/page.CO9k3CUv.css`)
  assert.equal(hashed.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  const page = await fetch(gateway.url)
  assert.equal(page.headers.get('cache-control'), 'no-cache')
  const etag = page.headers.get('etag') ?? ''
  const again = await fetch(gateway.url, { headers: { 'if-none-match': `W/"x", ${etag}` } })
  assert.equal(again.status, 304)
  const head = await fetch(gateway.url, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), page.headers.get('content-length'))
})

test('text is compressed for those who take it', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const response = await openResponse(`${gateway.url}/_astro/page.CO9k3CUv.css`, {
    'accept-encoding': 'gzip, br',
  })
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  assert.equal(response.headers['content-encoding'], 'br')
  assert.match(brotliDecompressSync(Buffer.concat(chunks)).toString(), /xxxx/)
  const encodings: [string, string | undefined][] = [
    ['', undefined],
    ['br;q=0', undefined],
    ['br; q=0.000, gzip;q=0.5', 'gzip'],
    ['x-br, deflate', undefined],
    ['GZIP ; q=1, br;q=0.001', 'br'],
  ]
  for (const [accepted, encoding] of encodings) {
    const answer = await openResponse(`${gateway.url}/_astro/page.CO9k3CUv.css`, {
      'accept-encoding': accepted,
    })
    assert.equal(answer.headers['content-encoding'], encoding, accepted)
    answer.resume()
  }
})

test('an absurd list of encodings holds nobody else up', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const headers = { 'accept-encoding': `br${' '.repeat(30_000)}x` }
  const before = process.cpuUsage()
  for (let i = 0; i < 2; i++) (await openResponse(gateway.url, headers)).resume()
  const spentMs = process.cpuUsage(before).user / 1_000
  assert.ok(spentMs < 1_000, `${spentMs} ms of the processor`)
})

test('pages say what they may do, and allow exactly their own inline scripts', async (t) => {
  const gateway = await startGateway(t, '', { roots: await roots(t) })
  const { headers } = await fetch(gateway.url)
  const policy = headers.get('content-security-policy') ?? ''
  assert.match(policy, /script-src 'self' 'sha256-[\w+/=]{44}';/)
  assert.match(policy, /frame-ancestors 'none'/)
  assert.match(headers.get('permissions-policy') ?? '', /camera=\(self\)/)
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.ok(headers.get('referrer-policy'))
})

test('pages that are not built yet say so', async (t) => {
  const gateway = await startGateway(t, '')
  const answer = await fetch(gateway.url)
  assert.equal(answer.status, 503)
  assert.match(await answer.text(), /npm run build/)
})

test('the current drops are written into the page, escaped, and left out when nobody knows them', async (t) => {
  const book = {
    isbn: '9780141439518',
    title: '<script>alert(1)</script> & "more"',
    contributors: [{ name: 'Ada Byron', role: 'author' }],
    price: { amount: 1250, currency: 'EUR' },
    cover: '/api/books/9780141439518/cover.svg',
    salesOpenAt: null,
    availability: { available: 1, status: 'low' },
  }
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, { items: [book] }))
  const pages = await roots(t)
  const html = await (
    await fetch((await startGateway(t, `catalog=${upstream.url}`, { roots: pages })).url)
  ).text()
  assert.match(
    html,
    /<li class="drop-card" data-isbn="9780141439518"><a href="\/shop\/books\/9780141439518">/,
  )
  assert.match(html, /&#60;script&#62;alert\(1\)/)
  assert.match(html, /€12\.50/)
  assert.match(html, /data-status="low">Last copy</)
  const without = await (await fetch((await startGateway(t, '', { roots: pages })).url)).text()
  assert.match(without, /<!-- octavo:drops -->/)
})

test('a file reaches a reader on a slow line, who is cut off after two minutes and not before', async (t) => {
  const pages = await roots(t)
  const bytes = 15 * 1024 * 1024
  await writeFile(join(pages.site, 'picture.png'), Buffer.alloc(bytes))
  let laterMs = 0
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + laterMs }
  const gateway = await startGateway(t, '', { roots: pages, clock })
  const readers = await Promise.all([0, 1].map(() => openResponse(`${gateway.url}/picture.png`)))
  const [slow, stuck] = readers.map((response) => {
    const reader = { response, bytes: 0, isClosed: false }
    response.on('data', (chunk: Buffer) => {
      reader.bytes += chunk.length
    })
    response.on('error', () => {})
    response.on('close', () => {
      reader.isClosed = true
    })
    return reader
  })
  slow?.response.pause()
  stuck?.response.pause()
  laterMs = 60_000
  await sleep(600)
  slow?.response.resume()
  await until(() => slow?.isClosed === true)
  assert.equal(slow?.bytes, bytes)
  laterMs = 125_000
  await sleep(600)
  stuck?.response.resume()
  await until(() => stuck?.isClosed === true)
  assert.ok((stuck?.bytes ?? bytes) < bytes)
})
