import { parseCode, parseVoucherUrl, signedBytes, type VoucherCode } from '#kernel/voucher-text'

const signatureBytes = 64

export type ReadCode =
  | {
      kind: 'code'
      code: VoucherCode
      signature: string | undefined
      /** What the scanner did to the text, in words; the signature did not survive it. */
      repaired?: string
    }
  | { kind: 'mistyped'; message: string }

/**
 * Reads what was typed, scanned or pasted: a code in any spelling, or the whole URL of a voucher's QR code, also as a
 * scanner with Caps Lock or for another keyboard writes it. A code counts only when its check character agrees.
 * @param signatureGiven what came beside a code that was cut out of its URL already
 */
export function readCode(text: string, signatureGiven?: string): ReadCode {
  const trimmed = text.trim()
  const found = parseVoucherUrl(firstOf(trimmed))
  const isAsDrawn = found !== undefined && firstOf(trimmed).includes(`/${found.code}?`)
  if (found && isAsDrawn) return { kind: 'code', ...found }
  const result = parseCode(trimmed)
  if (result.kind === 'ok') {
    const isWhole = signatureGiven === undefined || trimmed === result.code
    return { kind: 'code', code: result.code, signature: isWhole ? signatureGiven : undefined }
  }
  const scanned = codeInScan(trimmed)
  if (scanned !== undefined) return scanned
  if (/^h\W?t\W?tp/i.test(trimmed))
    return { kind: 'mistyped', message: 'This QR code is not one of our vouchers.' }
  if (trimmed.length > longestTyped)
    return { kind: 'mistyped', message: 'Not readable. Scan again, or type the code.' }
  return { kind: 'mistyped', message: `The code ${result.message}.` }
}

/** Longer than any way of typing a code. */
const longestTyped = 40

/** A scan that arrived twice is one scan. */
const firstOf = (text: string) => text.split(/\s+|(?<=.)(?=https?:\/\/)/)[0] ?? ''

/** What keyboards of other layouts write, and what a scanner for a US keyboard meant by it. */
const german = { written: 'yzYZ\u00df-_\u00d6\u00f6?', meant: 'zyZY-/?:;_' }
const french = {
  written: 'aqzwAQZWmM,?\u00e0&\u00e9"\'(-\u00e8_\u00e7)!\u00a7',
  meant: 'qawzQAWZ;:mM0123456789-/?',
}

const belgian = {
  written: 'aqzwAQZWmM,?\u00e0&\u00e9"\'(\u00a7\u00e8!\u00e7',
  meant: 'qawzQAWZ;:mM0123456789',
}
/** Czech, Slovak and Hungarian keyboards have letters where others have digits. */
const czech = {
  written: 'yzYZ\u00e9+\u011b\u0161\u010d\u0159\u017e\u00fd\u00e1\u00ed',
  meant: 'zyZY0123456789',
}

const fromLayout =
  ({ written, meant }: { written: string; meant: string }) =>
  (text: string) =>
    Array.from(text, (character) => {
      const place = written.indexOf(character)
      return place < 0 ? character : meant.charAt(place)
    }).join('')

const readings: readonly { hint: string; read: (text: string) => string }[] = [
  { hint: 'The scanner changes letters: look at its Caps Lock and keyboard layout.', read: (text) => text },
  { hint: 'The scanner types for another keyboard layout.', read: fromLayout(german) },
  { hint: 'The scanner types for another keyboard layout.', read: fromLayout(french) },
  { hint: 'The scanner types for another keyboard layout.', read: fromLayout(belgian) },
  { hint: 'The scanner types for another keyboard layout.', read: fromLayout(czech) },
]

/** Finds the code after the word "redeem", in whichever letters it arrived. */
function codeInScan(text: string): ReadCode | undefined {
  for (const { hint, read } of readings) {
    const upper = read(text).toUpperCase()
    const after = upper.lastIndexOf('REDEEM')
    const first = upper.indexOf('REDEEM')
    for (const at of new Set([first, after])) {
      if (at < 0) continue
      const compact = upper
        .slice(at + 'REDEEM'.length)
        .replace(/[^0-9A-Z]/g, '')
        .slice(0, 17)
      const result = parseCode(compact)
      if (result.kind === 'ok')
        return { kind: 'code', code: result.code, signature: undefined, repaired: hint }
    }
  }
  return undefined
}
/** `genuine` and `forged` are certain; `unchecked` when there is no signature or this browser cannot check it. */
export type SignatureVerdict = 'genuine' | 'forged' | 'unchecked'

/**
 * Checks a voucher's signature here, without the network once the key is known.
 * @param publicKeyPem SPKI in PEM, from `GET /api/voucher-key`
 * Source: RFC 8032 (Ed25519) by way of the Web Crypto API's Secure Curves.
 */
export async function checkSignature(
  code: VoucherCode,
  signature: string,
  publicKeyPem: string,
): Promise<SignatureVerdict> {
  const bytes = bytesOfBase64(signature.replaceAll('-', '+').replaceAll('_', '/'))
  if (bytes?.length !== signatureBytes) return 'forged'
  const spki = bytesOfBase64(publicKeyPem.replace(/-----[^-]+-----|\s/g, ''))
  if (!spki) return 'unchecked'
  try {
    const key = await crypto.subtle.importKey('spki', spki, 'Ed25519', false, ['verify'])
    return (await crypto.subtle.verify('Ed25519', key, bytes, signedBytes(code))) ? 'genuine' : 'forged'
  } catch {
    // No Ed25519, or no secure context: the shop's own answer decides.
    return 'unchecked'
  }
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
