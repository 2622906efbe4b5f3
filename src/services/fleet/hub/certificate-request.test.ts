import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readCertificateRequest } from './certificate-request.ts'

const group = 'system:open-cluster-management:a'
const [begin, end] = ['-----BEGIN CERTIFICATE REQUEST-----', '-----END CERTIFICATE REQUEST-----']
/** Three empty octet strings: what stands behind one request and before another. */
const between = Buffer.from('040004000400', 'hex').toString('base64')

function requestFor(t: TestContext, subject: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-request-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  return execFileSync('openssl', ['req', '-new', ...key, '-keyout', join(folder, 'key'), '-subj', subject], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

const kept = (pem: string) => Buffer.from(pem).toString('base64')
const bodyOf = (pem: string) => pem.replace(begin, '').replace(end, '').replaceAll('\n', '')

test('a request says whom it is for, and with which key', (t) => {
  const { commonName, organisations, keyType, key } = readCertificateRequest(
    kept(requestFor(t, `/O=${group}/CN=${group}:agent`)),
  )
  assert.deepEqual([commonName, organisations, keyType], [`${group}:agent`, [group], 'ec'])
  assert.match(key, /^[0-9a-f]{64}$/)
})

test('what another reader might take for another request is none', (t) => {
  // Go reads the block that begins a line, without what looks like a header; this is what an API server signs.
  const wanted = requestFor(t, '/O=administrators/CN=mallory')
  const shown = requestFor(t, `/O=${group}/CN=${group}:agent`)
  // Filled up by an empty element, so that what follows is read on from there.
  const der = Buffer.from(bodyOf(shown), 'base64')
  const fill = Buffer.from(['', '0400', '04000400'][der.length % 3] ?? '', 'hex')
  const whole = Buffer.concat([der, fill]).toString('base64')
  for (const pem of [
    `${begin}\n${whole}:${between}\n\n${wanted.split('\n').slice(1).join('\n')}`,
    `x${begin}\n${shown.split('\n').slice(1).join('\n')}${wanted}`,
    `${shown}${wanted}`,
    `${begin}\nProc-Type: 4\n\n${shown.split('\n').slice(1).join('\n')}`,
    `${begin}\n${bodyOf(wanted)}\n`,
    '',
  ])
    assert.throws(() => readCertificateRequest(kept(pem)), TypeError, pem)
  const longer = Buffer.concat([Buffer.from(bodyOf(shown), 'base64'), Buffer.from('0400', 'hex')])
  assert.throws(
    () => readCertificateRequest(kept(`${begin}\n${longer.toString('base64')}\n${end}\n`)),
    /more behind/,
  )
})
