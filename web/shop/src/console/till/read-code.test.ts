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

const { privateKey } = generateKeyPairSync('ed25519')
const german = new Map([...'yzYZ:;/?-_='].map((meant, i) => [meant, [...'zyZYÖö-_ß?´'][i] ?? '']))
const french = new Map(
  [...'aqzwAQZWmM:;/?-1234567890'].map((meant, i) => [meant, [...'qawzQAWZ,?Mm!§)&é"\'(-è_çà'][i] ?? '']),
)
const belgian = new Map([...french, ['6', '§'], ['8', '!'], ['/', '='], ['?', '+']])
const czech = new Map([...'yzYZ1234567890'].map((meant, i) => [meant, [...'zyZY+ěščřžýáíé'][i] ?? '']))
const slovak = new Map([...'yzYZ1234567890'].map((meant, i) => [meant, [...'zyZY+ľščťžýáíé'][i] ?? '']))
const hungarian = new Map([...'yzYZ0-/:?='].map((meant, i) => [meant, [...'zyZYöü-É_ó'][i] ?? '']))
const russian = new Map(
  [...'qwertyuiopasdfghjklzxcvbnm'].flatMap((meant, i): [string, string][] => {
    const written = [...'йцукенгшщзфывапролдячсмить'][i] ?? ''
    return [
      [meant, written],
      [meant.toUpperCase(), written.toUpperCase()],
    ]
  }),
)
const greek = new Map([
  ...[...'ertyuiopasdfghjklzxcvbnm'].flatMap((meant, i): [string, string][] => {
    const written = [...'ερτυθιοπασδφγηξκλζχψωβνμ'][i] ?? ''
    return [
      [meant, written],
      [meant.toUpperCase(), written.toUpperCase()],
    ]
  }),
  ['q', ';'],
  ['Q', ':'],
  ['w', 'ς'],
  ['W', '΅'],
  [':', '¨'],
])
const typedOn = (layout: ReadonlyMap<string, string>, text: string) =>
  Array.from(text, (character) => layout.get(character) ?? character).join('')
const layouts = { german, french, belgian, czech, slovak, hungarian, russian, greek }
const inverted = (text: string) =>
  Array.from(text, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join('')

test('a code is found however the scanner changed its URL, and a signature that did not survive is none', () => {
  for (let i = 0; i < 200; i++) {
    const code = makeCode(clock)
    const url = voucherUrl('https://books.example', code, signCode(code, privateKey))
    const scans: Record<string, string> = {
      small: url.toLowerCase(),
      capitals: url.toUpperCase(),
      'caps lock': inverted(url),
      'caps lock that changes letters where digits stand': inverted(typedOn(czech, url)),
      ...Object.fromEntries(Object.entries(layouts).map(([name, layout]) => [name, typedOn(layout, url)])),
    }
    for (const [name, scan] of Object.entries(scans)) {
      const read = readCode(scan)
      assert.ok(read.kind === 'code', `${name}: ${scan}`)
      assert.deepEqual([read.code, read.signature, typeof read.repaired], [code, undefined, 'string'], name)
    }
    assert.deepEqual(readCode(`${url}\n${url}`), readCode(url))
  }
})

test('what a scanner adds around the URL costs nothing', () => {
  const code = makeCode(clock)
  const url = voucherUrl('https://books.example', code, signCode(code, privateKey))
  const wide = Array.from(url, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)).join('')
  for (const scan of [`]Q1${url}`, `\u0002${url}\u0003`, `${url}\t`, `"${url}"`, `${url}#`, url + url, wide])
    assert.deepEqual(readCode(scan), readCode(url), scan)
})

test('a scan of a voucher that came garbled is not readable, and no other shop’s', () => {
  // Of codes with three characters gone one in twenty passes the check by what follows it; this one never does.
  const code = makeCode({ randomBytes: (length) => new Uint8Array(length).fill(7) })
  const url = voucherUrl('https://books.example', code, 'signature'.repeat(10).slice(0, 86))
  for (const scan of [url.slice(0, 45), url.replace(code, code.slice(3)), typedOn(french, url).slice(0, 45)])
    assert.deepEqual(readCode(scan), {
      kind: 'mistyped',
      message: 'Not readable. Scan again, or type the code.',
    })
})

test('a signature beside a code that was changed is not checked, and one beside a whole code is', () => {
  const code = makeCode(clock)
  const signature = signCode(code, privateKey)
  const given = (text: string) => {
    const read = readCode(text, signature)
    return read.kind === 'code' ? read.signature : 'none'
  }
  assert.deepEqual([given(code), given(code.toLowerCase())], [signature, undefined])
})

test('a scan that cannot be read is said to be that', () => {
  const read = readCode('x'.repeat(90))
  assert.deepEqual(read, { kind: 'mistyped', message: 'Not readable. Scan again, or type the code.' })
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
