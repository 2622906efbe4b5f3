import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { metricsOf } from '#ports/telemetry'
import { startGateway, startUpstream, until } from '../../../test/support/gateway.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../../test/support/certificates/${name}`, import.meta.url))
const numbers = () => String(metricsOf('gateway').body)
const counted = (method: string, route: string, status: number) =>
  new RegExp(
    `^http_server_request_duration_seconds_count\\{http_request_method="${method}",` +
      `http_route="${route}",http_response_status_code="${status}"\\} (\\d+)$`,
    'm',
  ).exec(numbers())?.[1]

test('what alerts look at is there before it happens, so that its first time shows', async (t) => {
  await startGateway(t, '')
  for (const status of [500, 502, 503, 504]) {
    assert.equal(counted('POST', '/api/orders', status), '0')
    assert.equal(counted('GET', '/api/books', status), '0')
  }
})

test('a reader who goes before the answer is not counted as one who had it', async (t) => {
  const upstream = await startUpstream(t, () => {})
  const gateway = await startGateway(t, `catalog=${upstream.url}`)
  const asking = request(`${gateway.url}/api/books/9780141439518`).on('error', () => {})
  asking.end()
  await until(() => upstream.requests.length === 1)
  asking.destroy()
  await until(() => counted('GET', '/api/books/\\{isbn\\}', 499) === '1')
  assert.equal(counted('GET', '/api/books/\\{isbn\\}', 200), undefined)
})

test('whatever word a stranger takes for a method, it becomes no label', async (t) => {
  const tls = { OCTAVO_TLS_CERT: kept('first.pem'), OCTAVO_TLS_KEY: kept('first.key.pem') }
  const gateway = await startGateway(t, '', {}, tls)
  const session = connect(gateway.url, { rejectUnauthorized: false })
  t.after(() => session.destroy())
  for (let i = 0; i < 20; i++) {
    const stream = session.request({ ':method': `PLANTED${i}`, ':path': '/api/books' }, { endStream: true })
    await once(stream, 'response')
    stream.close()
  }
  await until(() => counted('_OTHER', 'none', 405) === '20')
  assert.doesNotMatch(numbers(), /PLANTED/)
})
