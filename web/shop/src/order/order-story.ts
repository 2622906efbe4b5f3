import type { Order } from '#services/gateway'
import type { KnownOrder } from './known-orders.ts'

type Status = Order['status']

export type Step = {
  status: Status
  label: string
  /** ISO 8601; undefined where nobody told us. */
  at: string | undefined
  state: 'done' | 'now' | 'ahead' | 'ended'
}

export type Headline = { title: string; detail: string; tone: 'calm' | 'good' | 'ended' }

const way: readonly Status[] = ['reserved', 'paid', 'confirmed', 'redeemed']
const labels: Readonly<Record<Status, string>> = {
  reserved: 'Reserved',
  paid: 'Paid',
  confirmed: 'Voucher issued',
  redeemed: 'Collected',
  expired: 'Expired',
  cancelled: 'Cancelled',
  refunded: 'Refunded',
  failed: 'Not completed',
}

export const statusLabel = (status: Status) => labels[status]

/** The way of an order as steps. One that ended early shows how far this browser saw it come, and then its end. */
export function steps(order: Order, seenAt: KnownOrder['seenAt']): Step[] {
  const onWay = order.total.amount === 0 ? way.filter((status) => status !== 'paid') : way
  const at = (status: Status) => (status === 'reserved' ? order.createdAt : seenAt[status])
  const reached = onWay.indexOf(order.status)
  if (reached >= 0) {
    return onWay.map((status, index) => ({
      status,
      label: labels[status],
      at: index <= reached ? at(status) : undefined,
      state:
        index < reached || status === 'redeemed'
          ? index <= reached
            ? 'done'
            : 'ahead'
          : index === reached
            ? 'now'
            : 'ahead',
    }))
  }
  const passed = onWay.filter((status) => at(status) !== undefined)
  const end: Step = {
    status: order.status,
    label: labels[order.status],
    at: at(order.status),
    state: 'ended',
  }
  return [
    ...passed.map((status): Step => ({ status, label: labels[status], at: at(status), state: 'done' })),
    end,
  ]
}

/** What the reader is told first: where the order stands and what happens next. */
export function headline(order: Order): Headline {
  const several = order.lines.reduce((sum, line) => sum + line.quantity, 0) > 1
  switch (order.status) {
    case 'reserved':
      return reservedHeadline(order)
    case 'paid':
      return {
        title: several ? 'Your vouchers are being printed' : 'Your voucher is being printed',
        detail: `Stay here: ${several ? 'they appear' : 'it appears'} on this page in a moment.`,
        tone: 'calm',
      }
    case 'confirmed':
      return {
        title: several ? 'Your vouchers are ready' : 'Your voucher is ready',
        detail: `Show ${several ? 'them' : 'it'} at the counter, on paper or on this screen. Each code counts once.`,
        tone: 'good',
      }
    case 'redeemed':
      return { title: 'Collected. Enjoy the reading', detail: 'The voucher has done its work.', tone: 'good' }
    case 'expired':
      return {
        title: 'The hold has run out',
        detail: 'It was not paid in time, so the copies went back on sale. Nothing was charged.',
        tone: 'ended',
      }
    case 'cancelled':
      return {
        title: 'This order is cancelled',
        detail: `The copies went back on sale. ${isRefundDue(order) ? 'You get your money back in full.' : 'Nothing was charged.'}`,
        tone: 'ended',
      }
    case 'refunded':
      return {
        title: 'Your money is on its way back',
        detail:
          'The order was cancelled after payment: the amount is refunded in full and the voucher no longer counts.',
        tone: 'ended',
      }
    case 'failed':
      return {
        title: 'This order could not be completed',
        detail: 'The copies went back on sale and no money was kept. You can order again.',
        tone: 'ended',
      }
    default:
      return order.status satisfies never
  }
}

/** Whether the shop would still take the order back. */
export function canCancel(order: Order): boolean {
  const isOpen = order.status === 'reserved' || order.status === 'paid' || order.status === 'confirmed'
  return (
    isOpen && order.payment?.status !== 'processing' && order.vouchers.every((v) => v.status !== 'redeemed')
  )
}

/** Whether anything may still happen to it by itself. */
export const isMoving = (order: Order) =>
  order.status === 'reserved' || order.status === 'paid' || order.status === 'confirmed' || isRefundDue(order)

const isRefundDue = (order: Order) => order.status === 'cancelled' && order.payment?.status === 'captured'

const declines: Readonly<Record<string, string>> = {
  'insufficient-funds': 'The card has not enough money on it.',
  'card-declined': 'The bank declined the card.',
  'expired-card': 'The card has expired.',
}

/** Why a payment was declined, in a sentence. */
export function declineText(reason: string | undefined): string {
  if (!reason) return 'The bank declined the card.'
  const known = declines[reason.replaceAll('_', '-')]
  if (known) return known
  const words = reason.replaceAll(/[-_]/g, ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? '' : '.'}`
}

function reservedHeadline(order: Order): Headline {
  if (order.total.amount === 0)
    return {
      title: 'Reserved for you',
      detail: 'Nothing to pay. Your voucher appears here in a moment.',
      tone: 'calm',
    }
  if (order.payment?.status === 'processing')
    return {
      title: 'Your payment is under way',
      detail: 'The bank is asked. This takes seconds.',
      tone: 'calm',
    }
  return {
    title: 'Reserved for you',
    detail: 'Pay before the hold runs out, and the voucher appears here.',
    tone: 'calm',
  }
}
