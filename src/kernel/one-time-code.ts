import { createHmac, timingSafeEqual } from 'node:crypto'

/** What every authenticator app knows: a new code each half minute, of six digits, by HMAC-SHA-1. */
const stepSeconds = 30
const digits = 6
/** Clocks differ, and people type slowly: the codes before and after are good as well. */
const stepsAside = 1
/** Source: RFC 4226 section 4, R6. */
export const codeKeyBytes = 20

/** The code of a step of half a minute, counted from 1970. Source: RFC 6238 section 4, RFC 4226 section 5.3. */
export function codeOf(key: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', key).update(counter).digest()
  const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fff_ffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

/** @returns the step near `nowSeconds` whose code this is; undefined where it is none of theirs */
export function stepOf(code: string, key: Uint8Array, nowSeconds: number): number | undefined {
  const now = Math.floor(nowSeconds / stepSeconds)
  const near = Array.from({ length: 2 * stepsAside + 1 }, (_, i) => now - stepsAside + i)
  const given = Buffer.from(code)
  return near.find((step) => {
    const expected = Buffer.from(codeOf(key, step))
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Without padding. Source: RFC 4648 section 6. */
export function base32(bytes: Uint8Array): string {
  let [text, bits, held] = ['', 0, 0]
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += letters[(held >> (bits - 5)) & 31]
  }
  return bits === 0 ? text : text + letters[(held << (5 - bits)) & 31]
}

/** What an authenticator app reads from a QR code. Source: github.com/google/google-authenticator, Key URI Format. */
export function codeKeyUri(
  key: Uint8Array,
  { issuer, account }: { issuer: string; account: string },
): string {
  const query = new URLSearchParams({ secret: base32(key), issuer, period: String(stepSeconds) })
  return `otpauth://totp/${encodeURIComponent(issuer)}:${encodeURIComponent(account)}?${query}`
}
