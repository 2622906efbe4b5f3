import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig } from '#config'
import { json, rawExchange, startGateway, startUpstream } from '../../../test/support/gateway.ts'

const env = { OCTAVO_URL: 'https://books.example.org', OCTAVO_CONSOLE_URL: 'https://staff.example.org' }

test('a console on a host of its own: each page lies on one of the two, and a session opens doors on that of the console alone', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) =>
    json(response, 200, { cookie: incoming.headers.cookie }),
  )
  const gateway = await startGateway(t, `orders=${upstream.url}`, {}, env)
  const ask = (host: string, path: string, more = '') =>
    rawExchange(gateway.url, `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${more}\r\n`)
  const leadsTo = async (host: string, path: string) =>
    /\r\nlocation: (\S+)\r\n/.exec(await ask(host, path))?.[1]
  const [shop, staff] = ['books.example.org', 'staff.example.org']
  assert.equal(await leadsTo(shop, '/console/redeem/abc?s=1'), `https://${staff}/console/redeem/abc?s=1`)
  assert.equal(await leadsTo(shop, '/%63onsole/'), `https://${staff}/%63onsole/`)
  assert.equal(await leadsTo(staff, '/shop/books/1'), `https://${shop}/shop/books/1`)
  assert.equal(await leadsTo(staff, '/about'), `https://${shop}/about`)
  assert.equal(await leadsTo(staff, '/'), '/console/')
  for (const [host, path] of [
    [shop, '/shop/'],
    [shop, '/'],
    [staff, '/console/'],
    [staff, '/shop/assets/a.js'],
    [shop, '/console/assets/a.js'],
  ] as const)
    assert.equal(await leadsTo(host, path), undefined, `${host}${path}`)
  const cookie = 'cookie: a=1; __Host-octavo_session=own; octavo_session=own\r\n'
  const seen = async (host: string) => /"cookie":"([^"]*)"/.exec(await ask(host, '/api/session', cookie))?.[1]
  assert.equal(await seen(shop), 'a=1')
  assert.equal(await seen(staff), 'a=1; __Host-octavo_session=own')
  assert.match(await ask('evil.example', '/console/'), /^HTTP\/1\.1 421/)
})

test('a page of the shop can change nothing with a session of the console, though a browser sends it along', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => json(response, 200, {}))
  const gateway = await startGateway(t, `orders=${upstream.url}`, {}, env)
  const redeem = (more: string) =>
    rawExchange(
      gateway.url,
      `POST /api/vouchers/code/redeem HTTP/1.1\r\nhost: staff.example.org\r\nconnection: close\r\n` +
        `cookie: __Host-octavo_session=own\r\n${more}\r\n\r\n`,
    )
  for (const from of ['origin: https://books.example.org', 'sec-fetch-site: same-site', 'origin: null'])
    assert.match(await redeem(from), /^HTTP\/1\.1 403.*cross-site/s, from)
  assert.match(await redeem('origin: https://staff.example.org'), /^HTTP\/1\.1 200/)
  assert.equal(upstream.requests.length, 1)
})

test('a console needs another host than the shop, and the same scheme', () => {
  for (const OCTAVO_CONSOLE_URL of [
    env.OCTAVO_URL,
    'http://staff.example.org',
    'https://books.example.org:8443',
  ])
    assert.throws(() => readConfig({ ...env, OCTAVO_CONSOLE_URL }), ConfigError)
  assert.throws(() => readConfig({ OCTAVO_CONSOLE_URL: 'http://staff.example.org' }), ConfigError)
  assert.equal(readConfig(env).gateway.consoleUrl, 'https://staff.example.org')
  assert.equal(readConfig({}).gateway.consoleUrl, undefined)
})
