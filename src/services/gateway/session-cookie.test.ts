import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, rawExchange, startGateway, startUpstream } from '../../../test/support/gateway.ts'

test('by https a session that another host may have set is nobody’s', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) =>
    json(response, 200, { cookie: incoming.headers.cookie }),
  )
  const seen = async (url: string, cookie: string) => {
    const gateway = await startGateway(t, `orders=${upstream.url}`, {}, { OCTAVO_URL: url })
    const text = await rawExchange(
      gateway.url,
      `GET /api/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: ${cookie}\r\n\r\n`,
    )
    return /"cookie":"([^"]*)"/.exec(text)?.[1]
  }
  const both = 'a=1; octavo_session=planted; __Host-octavo_session=own; b=2'
  assert.equal(await seen('https://books.example.org', both), 'a=1; __Host-octavo_session=own; b=2')
  assert.equal(await seen('https://books.example.org', 'octavo_session=planted'), '')
  assert.equal(await seen('http://localhost', both), both)
})
