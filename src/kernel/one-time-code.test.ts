import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base32, codeKeyUri, codeOf, stepOf } from './one-time-code.ts'

const key = Buffer.from('12345678901234567890')
const codeAt = (seconds: number) => codeOf(key, Math.floor(seconds / 30))

// Source: RFC 6238 appendix B, the last six digits.
test('codes are those of RFC 6238', () => {
  const expected: [number, string][] = [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ]
  for (const [seconds, code] of expected) assert.equal(codeAt(seconds), code)
})

test('a code is good in its half minute and the ones beside it, and at no other time', () => {
  const at = 1_234_567_890
  const step = Math.floor(at / 30)
  for (const aside of [-30, 0, 30]) assert.equal(stepOf(codeAt(at), key, at + aside), step)
  for (const aside of [-90, -60, 60, 90]) assert.equal(stepOf(codeAt(at), key, at + aside), undefined)
  for (const wrong of ['', '5924', '0005924', '00592é', '999999'])
    assert.equal(stepOf(wrong, key, at), undefined)
})

test('a key is written as apps read it', () => {
  for (const [text, expected] of Object.entries({
    f: 'MY',
    fo: 'MZXQ',
    foo: 'MZXW6',
    foob: 'MZXW6YQ',
    fooba: 'MZXW6YTB',
    foobar: 'MZXW6YTBOI',
  }))
    assert.equal(base32(Buffer.from(text)), expected)
  assert.equal(
    codeKeyUri(key, { issuer: 'Octavo shop', account: 'ada@example.org' }),
    'otpauth://totp/Octavo%20shop:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Octavo+shop&period=30',
  )
})
