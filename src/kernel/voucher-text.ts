/**
 * Voucher codes as text: 16 random characters (80 bits) and a check character, in Crockford's base 32, written
 * `XXXX-XXXX-XXXX-XXXXX`. This file needs nothing of Node, so that a till in a browser can read codes too.
 *
 * The check character closes a sum over GF(32) in which every place has its own weight, so it finds every single wrong
 * character and every exchange of two: what fails it is a typing mistake, what passes it and is unknown is a forgery.
 * Source: D. Crockford, "Base 32", 2002 (alphabet, and the letters read as digits); field polynomial x^5 + x^2 + 1.
 */
export type VoucherCode = string

export type CodeResult = { kind: 'ok'; code: VoucherCode } | { kind: 'error'; message: string }

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const randomLength = 16
const codeLength = randomLength + 1
const randomBytesPerCode = (randomLength * 5) / 8

/** A fresh code, as it is stored and printed. `clock` is anything that gives cryptographically random bytes. */
export function makeCode(clock: { randomBytes(length: number): Uint8Array }): VoucherCode {
  let bits = 0n
  for (const byte of clock.randomBytes(randomBytesPerCode)) bits = (bits << 8n) | BigInt(byte)
  const values: number[] = []
  for (let i = 0; i < randomLength; i++) values.push(Number((bits >> BigInt(5 * i)) & 31n))
  values.push(sumOf(values))
  return group(values.map((value) => alphabet.charAt(value)).join(''))
}

/**
 * Reads what a person typed: any case, blanks and hyphens anywhere, I and L for 1, O for 0.
 * The error says what is wrong in words for that person.
 */
export function parseCode(text: string): CodeResult {
  if (text.length > 64) return { kind: 'error', message: 'is too long for a voucher code' }
  const compact = text
    .replace(/[\s\u00AD\u2010-\u2015\u2212_.-]/g, '')
    .toUpperCase()
    .replace(/[IL]/g, '1')
    .replace(/O/g, '0')
  if (compact.length !== codeLength) {
    return { kind: 'error', message: `should have ${codeLength} letters and digits, not ${compact.length}` }
  }
  const values = Array.from(compact, (character) => alphabet.indexOf(character))
  const strange = values.indexOf(-1)
  if (strange >= 0)
    return { kind: 'error', message: `has a character that no code has: ${compact.charAt(strange)}` }
  if (sumOf(values.slice(0, -1)) !== values.at(-1))
    return { kind: 'error', message: 'has a typing mistake in it' }
  return { kind: 'ok', code: group(compact) }
}

/** The bytes that a voucher's signature covers; the label keeps the key's other uses apart. */
export const signedBytes = (code: VoucherCode): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`octavo voucher v1\n${code}`)

/** What the QR code holds: opens the till with the code filled in. `publicUrl` has no slash at its end. */
export const voucherUrl = (publicUrl: string, code: VoucherCode, signature: string): string =>
  `${publicUrl}/console/redeem/${code}?s=${signature}`

/** Reads the URL of a QR code, whatever host it names; `undefined` when it is something else. */
export function parseVoucherUrl(text: string): { code: VoucherCode; signature: string } | undefined {
  const match = /^https?:\/\/[^/\s]+(?:\/[^\s?#]*)?\/console\/redeem\/([^/\s?#]{1,64})\?s=([\w-]{86})$/.exec(
    text.trim(),
  )
  const result = parseCode(match?.[1] ?? '')
  return match?.[2] !== undefined && result.kind === 'ok'
    ? { code: result.code, signature: match[2] }
    : undefined
}

function group(compact: string): VoucherCode {
  return `${compact.slice(0, 4)}-${compact.slice(4, 8)}-${compact.slice(8, 12)}-${compact.slice(12)}`
}

/** The weighted sum over GF(32) by Horner's rule: the value at place i has weight x^(16−i), the check character 1. */
function sumOf(values: readonly number[]): number {
  let sum = 0
  for (const value of values) sum = timesX(sum ^ value)
  return sum
}

function timesX(value: number): number {
  const doubled = value << 1
  return doubled > 31 ? doubled ^ 0b100101 : doubled
}
