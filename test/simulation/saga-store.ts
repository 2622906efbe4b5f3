import type { OrderStatus, Settlement } from '#services/orders'
import { definitions } from '../../src/services/orders/saga/definitions.ts'
import { type Attempt, atWork, next, type Progress } from '../../src/services/orders/saga/next.ts'
import type { Saga, StepResult } from '../../src/services/orders/saga/saga.ts'
import { judge } from '../../src/services/orders/settle-orders.ts'
import { type Card, createProvider, type Provider } from './payment-provider.ts'
import { createProcess, type Process } from './process.ts'
import { epochMs, type World } from './world.ts'

export type SagaOrder = {
  id: string
  status: OrderStatus
  copies: number
  isFree: boolean
  sagaId: string | null
  paymentKey: string | null
  expiresAt: number
  /** One for each voucher ever issued. */
  vouchers: ('valid' | 'redeemed' | 'revoked')[]
  card: Card
}
type SagaRow = Omit<Saga, 'state'> & { state: Progress['state']; leasedUntil: number; dueMs: number }

export type SagaStore = {
  orders: readonly SagaOrder[]
  sagas: ReadonlyMap<string, SagaRow>
  provider: Provider
  stock: { held: number; sold: number }
  workers: readonly Process[]
  pay(order: SagaOrder, id: string): void
  cancel(order: SagaOrder, refundId: string): void
  /** All of its vouchers, at the counter. */
  redeem(order: SagaOrder): void
  /** From then on no answer is lost and no request late. */
  heal(): void
}

export type SagaBreakage = { withoutTombstone?: boolean; withoutFence?: boolean }

const leaseMs = 30_000
const stepDeadlineMs = 12_000
/** Longer than the real one, only to have fewer events. */
const pollMs = 2_500
const remoteDeadlineMs = 5_000
const waitMs = 2_000
/** What is sent arrives within this time, or never. */
export const lateMs = 60_000

/**
 * The saga engine over a simulated OrderDb: the real tables of steps and the real `next`, with workers that claim,
 * attempt and write as the real ones do, and steps that do in memory what the real ones do in SQL.
 */
export function createSagaStore(world: World, orders: SagaOrder[], broken: SagaBreakage = {}): SagaStore {
  const sagas = new Map<string, SagaRow>()
  const provider = createProvider(broken)
  const stock = { held: orders.reduce((sum, order) => sum + order.copies, 0), sold: 0 }
  let isBad = true
  const begin = (id: string, order: SagaOrder, definition: string) =>
    sagas.set(id, {
      ...{ id, orderId: order.id, definition, state: 'running', step: 0, attempt: 0, data: {}, fence: 0 },
      ...{ dueAt: new Date(0), leasedUntil: 0, dueMs: world.now() },
    })
  const orderOf = (saga: Pick<Saga, 'orderId'>) => orders.find(({ id }) => id === saga.orderId) as SagaOrder

  /** A call out of the database: it may be late by a minute, and its answer may get lost. */
  const remote = <T>(process: Process, work: () => T, isSlow = false): Promise<T> => {
    const { life } = process
    return new Promise((resolve, reject) => {
      const travelMs =
        isSlow || (isBad && world.chance(0.1)) ? world.random() * lateMs : 1 + world.random() * 20
      world.after(travelMs, () => {
        const value = work()
        if (!(isBad && world.chance(0.15))) process.deliver(life, () => resolve(value))
      })
      world.after(remoteDeadlineMs, () => process.deliver(life, () => reject(new Error('no answer'))))
    })
  }
  const statement = <T>(process: Process, work: () => T): Promise<T> => {
    const { life } = process
    return new Promise((resolve) =>
      world.after(world.random() * 2, () => {
        world.hazard(process)
        const value = work()
        world.hazard(process)
        world.after(world.random(), () => process.deliver(life, () => resolve(value)))
      }),
    )
  }

  const settle = (
    order: SagaOrder,
    to: Settlement['to'],
    movement: Settlement['movement'],
    saga: string | null,
  ) => {
    const state = { ...order, expiresAt: new Date(order.expiresAt), customerEmail: '', anyRedeemed: false }
    const asked = { orderId: order.id, movement, to, sagaId: saga, lines: [] }
    const verdict = judge(state, asked, epochMs + world.now())
    if (verdict !== 'fits') return verdict === 'already' ? 'settled' : 'stale'
    world.note(`order ${order.id}: ${to}`)
    if (movement !== 'return') stock.held -= order.copies
    if (movement !== 'release') stock.sold += movement === 'confirm' ? order.copies : -order.copies
    if (movement !== 'confirm') revoke(order)
    order.status = to
    order.sagaId = null
    return 'settled'
  }

  const run = async (process: Process, saga: SagaRow, step: string): Promise<StepResult> => {
    const order = orderOf(saga)
    switch (step) {
      case 'authorise-payment': {
        const isSilent = order.card === 'silent'
        const answer = await remote(process, () => provider.authorise(saga.id, order.card), isSilent)
        if (isSilent) throw new Error('no answer')
        return answer === 'authorised' ? { kind: 'done' } : { kind: 'refused', reason: 'declined' }
      }
      case 'draw-voucher':
        return world.chance(0.5) ? { kind: 'wait', ms: waitMs } : { kind: 'done' }
      case 'capture-payment': {
        const answer = await remote(process, () => provider.capture(saga.id))
        return answer === 'captured' ? { kind: 'done' } : { kind: 'refused', reason: 'gone' }
      }
      case 'confirm': {
        const answer = await remote(process, () => settle(order, 'confirmed', 'confirm', saga.id))
        return answer === 'settled' ? { kind: 'done' } : { kind: 'refused', reason: 'another way' }
      }
      case 'refund-payment': {
        const { paymentKey } = order
        if (paymentKey) await remote(process, () => provider.refund(paymentKey))
        return { kind: 'done' }
      }
      default:
        return { kind: 'done' }
    }
  }
  const mayTryAgain = (saga: SagaRow) => saga.data.refusedAt === 'authorise-payment'
  const compensate = async (process: Process, saga: SagaRow, step: string): Promise<void> => {
    if (step === 'authorise-payment') await remote(process, () => provider.void(saga.id))
    if (step === 'capture-payment') await remote(process, () => provider.refund(saga.id))
    if (step === 'hold-copies' && !mayTryAgain(saga))
      await remote(process, () => settle(orderOf(saga), 'failed', 'release', saga.id))
  }
  const apply = (saga: SagaRow, step: string, event: Progress['event']) => {
    const order = orderOf(saga)
    if (event === 'ran' && step === 'issue-voucher')
      for (let i = 0; i < order.copies; i++) order.vouchers.push('valid')
    if (event === 'ran' && step === 'capture-payment' && order.sagaId === saga.id)
      Object.assign(order, { status: 'paid', paymentKey: saga.id })
    if (event === 'ran' && step === 'refund-payment')
      Object.assign(order, { status: 'refunded', sagaId: null })
    if (event === 'compensated' && step === 'issue-voucher') revoke(order)
    if (event === 'compensated' && step === 'capture-payment') order.paymentKey = null
    if (event === 'compensated' && step === 'hold-copies' && mayTryAgain(saga)) order.sagaId = null
  }

  const claim = () =>
    [...sagas.values()]
      .filter(({ state, dueMs, leasedUntil }) => {
        const isAtWork = state === 'running' || state === 'compensating'
        return isAtWork && dueMs <= world.now() && leasedUntil < world.now()
      })
      .map((row) => {
        row.leasedUntil = world.now() + leaseMs
        row.fence++
        return { ...row }
      })

  const write = (saga: SagaRow, step: string, progress: Progress): boolean => {
    const row = sagas.get(saga.id) as SagaRow
    if (row.fence !== saga.fence && !broken.withoutFence) return false
    const goesOn = progress.event !== null
    row.leasedUntil = goesOn ? row.leasedUntil : 0
    if (!goesOn) row.dueMs = world.now() + progress.dueInMs
    const { state, attempt, data } = progress
    Object.assign(row, { state, attempt, data, step: progress.step })
    world.note(`${saga.id} ${step} ${progress.event ?? 'stays'} → ${state} ${progress.step}`)
    apply(row, step, progress.event)
    return true
  }

  const work = async (process: Process, claimed: SagaRow): Promise<void> => {
    const { steps } = definitions.get(claimed.definition) as {
      steps: readonly { name: string; run?: unknown }[]
    }
    let saga = atWork(claimed, steps)
    for (;;) {
      const step = steps[saga.step]?.name ?? ''
      const trial: Promise<StepResult> =
        saga.state === 'running'
          ? run(process, saga, step)
          : compensate(process, saga, step).then(() => ({ kind: 'done' }))
      const late = process.clock
        .sleep(stepDeadlineMs)
        .then((): Attempt => ({ kind: 'failed', error: 'late' }))
      const failed = (error: Error): Attempt => ({ kind: 'failed', error: error.message })
      const attempt = await Promise.race([trial.catch(failed), late])
      const progress = next(saga as Saga, steps, attempt, world.random())
      const isMine = await statement(process, () => write(saga, step, progress))
      const isAtWork = progress.state === 'running' || progress.state === 'compensating'
      if (!isMine || progress.event === null || !isAtWork) return
      saga = atWork({ ...saga, ...progress }, steps)
    }
  }

  const workers = ['orders.1', 'orders.2'].map((name) =>
    createProcess(world, name, (self) => {
      const { life } = self
      const loop = async () => {
        const claimed = await statement(self, claim)
        await Promise.all(claimed.map((saga) => work(self, saga)))
        await self.clock.sleep(pollMs)
        if (self.life === life) await loop()
      }
      loop()
    }),
  )

  for (const order of orders)
    if (order.isFree) {
      order.sagaId = order.id
      begin(order.id, order, 'free-order')
    }
  return {
    ...{ orders, sagas, provider, stock, workers },
    pay(order, id) {
      if (order.status !== 'reserved' || order.isFree || order.sagaId !== null) return
      if (order.expiresAt <= epochMs + world.now()) return
      order.sagaId = id
      begin(id, order, 'paid-order')
    },
    cancel(order, refundId) {
      const hasSaga = [...sagas.values()].some(
        ({ orderId, state }) => orderId === order.id && (state === 'running' || state === 'compensating'),
      )
      if (hasSaga) return
      if (order.status === 'reserved') {
        // What has run out is expired instead, by whoever looks first.
        const to = order.expiresAt <= epochMs + world.now() ? 'expired' : 'cancelled'
        settle(order, to, 'release', null)
      } else if (order.status === 'confirmed' && settle(order, 'cancelled', 'return', null) === 'settled') {
        if (order.paymentKey === null) return
        order.sagaId = refundId
        begin(refundId, order, 'refund')
      }
    },
    redeem(order) {
      if (order.status !== 'confirmed') return
      order.vouchers = order.vouchers.map((voucher) => (voucher === 'valid' ? 'redeemed' : voucher))
      order.status = 'redeemed'
    },
    heal() {
      isBad = false
    },
  }
}

function revoke(order: SagaOrder): void {
  order.vouchers = order.vouchers.map((voucher) => (voucher === 'valid' ? 'revoked' : voucher))
}
