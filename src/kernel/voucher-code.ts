import { type KeyObject, sign, verify } from 'node:crypto'
import { signedBytes, type VoucherCode } from './voucher-text.ts'

export * from './voucher-text.ts'

/**
 * The signature of a code, base64url: it lets a till tell a forgery without the network.
 * @param privateKey an Ed25519 private key
 * Source: RFC 8032 (Ed25519).
 */
export function signCode(code: VoucherCode, privateKey: KeyObject): string {
  return sign(null, signedBytes(code), privateKey).toString('base64url')
}

/**
 * Whether `signature` (base64url) was made for this very code. Anything malformed is simply not a signature.
 * @param publicKey the Ed25519 public key, or the private one it belongs to
 */
export function verifyCode(code: VoucherCode, signature: string, publicKey: KeyObject): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  // Node skips stray characters when it decodes: a signature has one spelling only.
  if (bytes.length !== 64 || bytes.toString('base64url') !== signature) return false
  return verify(null, signedBytes(code), publicKey, bytes)
}
