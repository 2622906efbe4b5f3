import { dateTimeText } from '../../text/dates.ts'
import type { TillState } from './till-state.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'plain'
export type OutcomeText = { tone: Tone; icon: string; title: string; detail: string }

/** What the till says in each state, for the eyes and for a screen reader alike; nothing while it waits for a code. */
export function outcomeText(state: TillState): OutcomeText | undefined {
  switch (state.kind) {
    case 'ready':
      return undefined
    case 'mistyped':
      return {
        tone: 'warn',
        icon: 'i-lucide-keyboard',
        title: 'Look at the code again',
        detail: state.message,
      }
    case 'looking':
      return { tone: 'plain', icon: 'i-lucide-search', title: 'Looking it up…', detail: '' }
    case 'found':
      return {
        tone: 'plain',
        icon: 'i-lucide-ticket-check',
        title: 'Valid, not redeemed yet',
        detail: [state.verdict === 'genuine' ? 'Its signature is genuine.' : '', state.hint ?? '']
          .filter(Boolean)
          .join(' '),
      }
    case 'redeeming':
      return { tone: 'plain', icon: 'i-lucide-loader', title: 'Redeeming…', detail: '' }
    case 'redeemed':
      return { tone: 'good', icon: 'i-lucide-check', title: 'Redeemed', detail: 'Hand the book over.' }
    case 'already':
      return { tone: 'warn', icon: 'i-lucide-history', title: 'Already redeemed', detail: alreadyText(state) }
    case 'revoked':
      return {
        tone: 'bad',
        icon: 'i-lucide-ban',
        title: 'Revoked',
        detail: 'The order was cancelled or refunded. Do not hand the book over.',
      }
    case 'unknown':
      return {
        tone: 'bad',
        icon: 'i-lucide-circle-x',
        title: 'Unknown voucher',
        detail: 'No order of this shop has this code. Do not hand the book over.',
      }
    case 'forged':
      return {
        tone: 'bad',
        icon: 'i-lucide-shield-x',
        title: 'Forged',
        detail: 'The signature in the QR code is not ours. Do not hand the book over.',
      }
    case 'failed':
      return { tone: 'warn', icon: 'i-lucide-wifi-off', title: 'No answer', detail: failedText(state) }
    default:
      return state satisfies never
  }
}

function alreadyText({ voucher, isOwnAttempt }: Extract<TillState, { kind: 'already' }>): string {
  const when = voucher.redeemedAt ? `On ${dateTimeText(voucher.redeemedAt)}.` : ''
  return isOwnAttempt
    ? `${when} That may be your own attempt, which was not answered: check whether this customer has the book.`
    : `${when} Do not hand out a second book.`
}

function failedText({ problem, mayBeRedeemed }: Extract<TillState, { kind: 'failed' }>): string {
  if (problem.status === 401) return 'Your session has ended.'
  const what = mayBeRedeemed
    ? 'It is not known whether the voucher was redeemed. Ask again before you hand the book over.'
    : 'Nothing was redeemed.'
  return `${problem.message} ${what}`
}
