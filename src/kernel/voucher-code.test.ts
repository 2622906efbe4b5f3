import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeCode, parseCode, parseVoucherUrl, signCode, verifyCode, voucherUrl } from './voucher-code.ts'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const clock = { randomBytes }
const { privateKey, publicKey } = generateKeyPairSync('ed25519')

function parsed(text: string): string {
  const result = parseCode(text)
  assert.equal(result.kind, 'ok', `${text}: ${result.kind === 'error' ? result.message : ''}`)
  return result.kind === 'ok' ? result.code : ''
}

test('a code carries 80 random bits, reads in groups and parses as itself', () => {
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) {
    const code = makeCode(clock)
    assert.match(
      code,
      /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5}$/,
    )
    assert.equal(parsed(code), code)
    seen.add(code)
  }
  assert.equal(seen.size, 2000)
  assert.equal(makeCode({ randomBytes: (n) => new Uint8Array(n) }), '0000-0000-0000-00000')
  const ones = makeCode({ randomBytes: (n) => new Uint8Array(n).fill(255) })
  assert.match(ones, /^ZZZZ-ZZZZ-ZZZZ-ZZZZ/)
})

test('a code is read as people type it', () => {
  const code = makeCode({ randomBytes: () => Buffer.from('00010203040506f7f8f9', 'hex') })
  const compact = code.replaceAll('-', '')
  for (const text of [
    code.toLowerCase(),
    compact,
    ` ${code} `,
    compact.split('').join(' '),
    code.replaceAll('-', '\u2013'),
    code.replaceAll('1', 'l').replaceAll('0', 'o'),
    code.replaceAll('1', 'I').replaceAll('0', 'O'),
  ]) {
    assert.equal(parsed(text), code, text)
  }
})

test('every single wrong character and every exchange of two is a typing mistake', () => {
  for (let round = 0; round < 20; round++) {
    const compact = makeCode(clock).replaceAll('-', '')
    for (let i = 0; i < compact.length; i++) {
      for (const other of alphabet) {
        if (other === compact[i]) continue
        const wrong = compact.slice(0, i) + other + compact.slice(i + 1)
        assert.deepEqual(parseCode(wrong), { kind: 'error', message: 'has a typing mistake in it' })
      }
      for (let j = i + 1; j < compact.length; j++) {
        if (compact[i] === compact[j]) continue
        const swapped = Array.from(compact)
        ;[swapped[i], swapped[j]] = [swapped[j] ?? '', swapped[i] ?? '']
        assert.equal(parseCode(swapped.join('')).kind, 'error')
      }
    }
  }
})

test('what is no code at all is told what is wrong with it', () => {
  for (const [text, message] of [
    ['', /17 letters and digits, not 0/],
    ['ABCD-EFGH', /not 8/],
    ['UUUU-0000-0000-00000', /no code has: U/],
    ['0000-0000-0000-0000\u0000', /no code has/],
    ['é000-0000-0000-00000', /no code has/],
    ['x'.repeat(1000), /too long/],
  ] as const) {
    const result = parseCode(text)
    assert.equal(result.kind, 'error')
    if (result.kind === 'error') assert.match(result.message, message)
  }
})

test('a signature holds for its own code and key only', () => {
  const code = makeCode(clock)
  const signature = signCode(code, privateKey)
  assert.equal(verifyCode(code, signature, publicKey), true)
  assert.equal(verifyCode(code, signature, createPublicKey(privateKey)), true)
  assert.equal(verifyCode(makeCode(clock), signature, publicKey), false)
  assert.equal(verifyCode(code, signature, generateKeyPairSync('ed25519').publicKey), false)
  const flipped = signature[0] === 'A' ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
  for (const forged of [
    '',
    'x',
    flipped,
    `${signature} `,
    `${signature}=`,
    signature.slice(1),
    '\u0000'.repeat(86),
  ]) {
    assert.equal(verifyCode(code, forged, publicKey), false, forged)
  }
})

test('the QR code holds a URL that gives code and signature back, and nothing else does', () => {
  const code = makeCode(clock)
  const signature = signCode(code, privateKey)
  for (const base of ['http://localhost:8080', 'https://books.example.org', 'https://example.org/store']) {
    assert.deepEqual(parseVoucherUrl(voucherUrl(base, code, signature)), { code, signature })
  }
  const url = voucherUrl('http://localhost:8080', code, signature)
  for (const other of [
    '',
    code,
    url.replace('redeem', 'refund'),
    url.slice(0, -1),
    `${url}&x=1`,
    `javascript:${url}`,
  ]) {
    assert.equal(parseVoucherUrl(other), undefined, other)
  }
})
