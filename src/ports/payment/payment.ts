import type { Money } from '#kernel/money'
import { Unavailable } from '#kernel/unavailable'

/**
 * A payment provider. Every call carries a key: the same key again gives the first call's outcome and moves no money.
 * Each throws PaymentUnavailable when its outcome is unknown; call again with the same key.
 */
export type Payment = AsyncDisposable & {
  /** Turns card details into a reference that may be stored. The details themselves never are. */
  tokenise(method: PaymentMethod): TokeniseResult
  authorise(key: string, amount: Money, token: string): Promise<AuthoriseResult>
  /** Takes an authorised amount. */
  capture(key: string): Promise<{ kind: 'captured' } | { kind: 'not-authorised' }>
  /** Gives up an authorisation; also forbids one that arrives later under this key. */
  void(key: string): Promise<void>
  /** Gives captured money back. */
  refund(key: string): Promise<void>
  /** What the provider knows of this key, for audits. */
  state(key: string): Promise<PaymentState | undefined>
}

export type PaymentMethod = { method: string; card: string }
export type TokeniseResult = { kind: 'ok'; token: string } | { kind: 'error'; field: string; message: string }
export type AuthoriseResult = { kind: 'authorised' } | { kind: 'declined'; reason: string }
export type PaymentState = 'authorised' | 'declined' | 'captured' | 'voided' | 'refunded'

/** The provider did not answer in time or is away: the outcome is unknown. */
export class PaymentUnavailable extends Unavailable {
  override name = 'PaymentUnavailable'
}
