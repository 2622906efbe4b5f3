import type { VoucherCode } from '#kernel/voucher-text'
import type { Voucher } from '#services/gateway'
import type { ApiProblem } from '../../api/problem.ts'
import type { SignatureVerdict } from './read-code.ts'

/** What the till shows. Every state carries what its panel needs, and nothing else. */
export type TillState =
  | { kind: 'ready' }
  | { kind: 'mistyped'; message: string }
  | { kind: 'looking'; code: VoucherCode }
  | {
      kind: 'found'
      voucher: Voucher
      verdict: SignatureVerdict
      /** Of `performance.now()`. */
      sinceMs: number
      /** What is odd about the scanner. */
      hint?: string
    }
  | { kind: 'redeeming'; voucher: Voucher }
  | { kind: 'redeemed'; voucher: Voucher }
  | { kind: 'already'; voucher: Voucher; isOwnAttempt: boolean }
  | { kind: 'revoked'; voucher: Voucher }
  | { kind: 'unknown'; code: VoucherCode }
  | { kind: 'forged'; code: VoucherCode }
  | { kind: 'failed'; code: VoucherCode; problem: ApiProblem; mayBeRedeemed: boolean }
