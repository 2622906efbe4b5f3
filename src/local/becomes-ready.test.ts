import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { becomesReady } from './becomes-ready.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../test/support/certificates/${name}`, import.meta.url))

test('a store is waited for until its gateway says yes, by http and by https, whatever name its certificate has', async (t) => {
  const tls = { certificate: kept('first.pem'), key: kept('first.key.pem') }
  let asked = 0
  const thirdTime: RequestListener = (request, response) => {
    assert.equal(request.url, '/readyz')
    response.writeHead(++asked % 3 === 0 ? 200 : 503).end()
  }
  const pair = { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }
  for (const server of [createServer(thirdTime), createTlsServer(pair, thirdTime)]) {
    const isTls = asked > 0
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    await becomesReady({ host: '0.0.0.0', tls: isTls ? tls : undefined }, port, AbortSignal.timeout(10_000))
  }
  assert.equal(asked, 6)
})
