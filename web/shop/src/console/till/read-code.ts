import { parseCode, parseVoucherUrl, signedBytes, type VoucherCode } from '#kernel/voucher-text'

const signatureBytes = 64

export type ReadCode =
  | { kind: 'code'; code: VoucherCode; signature: string | undefined }
  | { kind: 'mistyped'; message: string }

/** Reads what was typed, scanned or pasted: a code in any spelling, or the whole URL of a voucher's QR code. */
export function readCode(text: string): ReadCode {
  const trimmed = text.trim()
  if (/^https?:/i.test(trimmed)) {
    const found = parseVoucherUrl(trimmed)
    return found
      ? { kind: 'code', ...found }
      : { kind: 'mistyped', message: 'This QR code is not one of our vouchers.' }
  }
  const result = parseCode(trimmed)
  if (result.kind === 'error') return { kind: 'mistyped', message: `The code ${result.message}.` }
  return { kind: 'code', code: result.code, signature: undefined }
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
