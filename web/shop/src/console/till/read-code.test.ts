import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeCode, signCode, voucherUrl } from '#kernel/voucher-code'
import { checkSignature, readCode } from './read-code.ts'

const clock = { randomBytes: (length: number) => randomBytes(length) }

test('a code is read in any case, with any hyphens and blanks', () => {
  const code = makeCode(clock)
  const spoken = ` ${code.toLowerCase().replaceAll('-', ' ')} `
  assert.deepEqual(readCode(spoken), { kind: 'code', code, signature: undefined })
})

test('the URL of a QR code gives code and signature', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const code = makeCode(clock)
  const signature = signCode(code, privateKey)
  assert.deepEqual(readCode(voucherUrl('https://books.example', code, signature)), {
    kind: 'code',
    code,
    signature,
  })
})

test('another QR code is refused in words', () => {
  assert.equal(readCode('https://example.org/menu').kind, 'mistyped')
})

test('a typing mistake is told without asking the shop', () => {
  const code = makeCode(clock)
  const wrong = (code.startsWith('0') ? '1' : '0') + code.slice(1)
  assert.deepEqual(readCode(wrong), { kind: 'mistyped', message: 'The code has a typing mistake in it.' })
})

test('a signature is genuine only for its own code and key', async () => {
  const ours = generateKeyPairSync('ed25519')
  const theirs = generateKeyPairSync('ed25519')
  const pem = ours.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const code = makeCode(clock)
  assert.equal(await checkSignature(code, signCode(code, ours.privateKey), pem), 'genuine')
  assert.equal(await checkSignature(code, signCode(code, theirs.privateKey), pem), 'forged')
  assert.equal(await checkSignature(makeCode(clock), signCode(code, ours.privateKey), pem), 'forged')
  assert.equal(await checkSignature(code, 'not a signature', pem), 'forged')
})
