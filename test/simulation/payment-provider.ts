import type { PaymentState } from '#ports/payment'

/** What a card does: see the test provider's card numbers. */
export type Card = 'approved' | 'declined' | 'silent'

/** A payment provider's books: the same rules as the test provider's, without its database. */
export type Provider = {
  readonly payments: ReadonlyMap<string, PaymentState>
  authorise(key: string, card: Card): 'authorised' | 'declined'
  capture(key: string): 'captured' | 'not-authorised'
  void(key: string): void
  refund(key: string): void
}

export function createProvider(options: { withoutTombstone?: boolean } = {}): Provider {
  const payments = new Map<string, PaymentState>()
  const move = (key: string, from: PaymentState, to: PaymentState) => {
    if (payments.get(key) === from) payments.set(key, to)
  }
  return {
    payments,
    authorise(key, card) {
      if (!payments.has(key)) payments.set(key, card === 'declined' ? 'declined' : 'authorised')
      const state = payments.get(key)
      return state === 'declined' || state === 'voided' ? 'declined' : 'authorised'
    },
    capture(key) {
      move(key, 'authorised', 'captured')
      return payments.get(key) === 'captured' ? 'captured' : 'not-authorised'
    },
    void(key) {
      if (!payments.has(key) && !options.withoutTombstone) payments.set(key, 'voided')
      move(key, 'authorised', 'voided')
    },
    refund: (key) => move(key, 'captured', 'refunded'),
  }
}
