import type { VoucherCode } from '#kernel/voucher-text'
import { call } from '../../api/client.ts'
import { checkSignature, type SignatureVerdict } from './read-code.ts'

const deadlineMs = 3_000
let publicKey: string | undefined

/** Whether the shop signed this code. Without the shop's key the answer is `unchecked`. */
export async function verdictOf(code: VoucherCode, signature: string): Promise<SignatureVerdict> {
  try {
    publicKey ??= (await call<{ publicKey: string }>('GET', '/api/voucher-key', { deadlineMs })).publicKey
  } catch {
    return 'unchecked'
  }
  return checkSignature(code, signature, publicKey)
}
