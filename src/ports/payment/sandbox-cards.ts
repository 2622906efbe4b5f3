/** What a card number does at the test provider. */
export type TestCard =
  | { kind: 'approved' }
  | { kind: 'declined'; reason: string }
  /** The first answer gets lost after the money was reserved; asking again with the same key finds it. */
  | { kind: 'answer-lost' }
  /** No answer ever comes. */
  | { kind: 'silent' }

/** Card numbers that readers of payment documentation know. Source: Stripe's documentation, "Test card numbers". */
export const testCards: Readonly<Record<string, TestCard>> = {
  '4242424242424242': { kind: 'approved' },
  '4000000000000002': { kind: 'declined', reason: 'The card was declined.' },
  '4000000000009995': { kind: 'declined', reason: 'The card has insufficient funds.' },
  '4000000000000069': { kind: 'declined', reason: 'The card has expired.' },
  '4000000000000119': { kind: 'answer-lost' },
  '4000000000000259': { kind: 'silent' },
}

/** Whether a number's last digit fits the others. Source: ISO/IEC 7812-1, annex B (Luhn). */
export function hasLuhnDigit(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
