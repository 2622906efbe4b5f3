import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { keepCertificateFresh, readCertificate } from '#ports/http'
import { startGateway, until } from '../../../test/support/gateway.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../../test/support/certificates/${name}`, import.meta.url))

function files(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const pair = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  const use = (name: string) => {
    copyFileSync(kept(`${name}.pem`), pair.certificate)
    copyFileSync(kept(`${name}.key.pem`), pair.key)
  }
  use('first')
  return { ...pair, use }
}

/** @returns the status, and whose certificate it came with */
function ask(url: string): Promise<{ status: number | undefined; owner: unknown; hsts: unknown }> {
  return new Promise((resolve, reject) => {
    get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      const owner = (response.socket as TLSSocket).getPeerCertificate().subject.O
      response.resume()
      resolve({ status: response.statusCode, owner, hsts: response.headers['strict-transport-security'] })
    }).on('error', reject)
  })
}

test('the gateway serves https by itself', async (t) => {
  const { certificate, key } = files(t)
  const gateway = await startGateway(t, '', {}, { OCTAVO_TLS_CERT: certificate, OCTAVO_TLS_KEY: key })
  assert.match(gateway.url, /^https:/)
  assert.deepEqual(
    { ...(await ask(`${gateway.url}/livez`)), hsts: 0 },
    { status: 200, owner: 'first', hsts: 0 },
  )
})

test('a renewed certificate is taken without a restart, and one that is broken is not', async (t) => {
  const pair = files(t)
  const server = createServer(readCertificate(pair), (_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const freshening = keepCertificateFresh(server, pair, 20)
  t.after(() => freshening[Symbol.dispose]())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  assert.equal((await ask(url)).owner, 'first')
  writeFileSync(pair.certificate, 'half a file')
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal((await ask(url)).owner, 'first')
  pair.use('second')
  await until(async () => (await ask(url)).owner === 'second')
})

test('what cannot be a certificate is said at the start', (t) => {
  const pair = files(t)
  copyFileSync(kept('second.key.pem'), pair.key)
  assert.throws(() => readCertificate(pair), /OCTAVO_TLS_CERT and OCTAVO_TLS_KEY/)
})
