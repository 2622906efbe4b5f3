import { onScopeDispose, shallowReadonly, shallowRef, watch } from 'vue'
import type { NewOrder, Order } from '#services/gateway'
import { placeOrder } from '../api/orders.ts'
import { ApiProblem } from '../api/problem.ts'
import { useCart } from '../cart/use-cart.ts'
import { useKnownOrders } from '../order/known-orders.ts'
import { readStored, writeStored } from '../stored.ts'
import {
  type Attempt,
  type AttemptStore,
  beginAttempt,
  endAttempt,
  notePlaced,
  openAttempt,
  placedSince,
  refuseAttempt,
} from './attempt.ts'

export type CheckoutState =
  | { kind: 'editing' }
  | { kind: 'sending' }
  /** The shop was busy or away; the same attempt goes out again by itself. */
  | { kind: 'waiting'; problem: ApiProblem; untilMs: number }
  /** Nobody answered for long: the order may exist. Only the same attempt may be sent. */
  | { kind: 'unknown'; attempt: Attempt; problem: ApiProblem | undefined }
  | { kind: 'refused'; problem: ApiProblem }
  | { kind: 'placed'; order: Order }

const storageKey = 'octavo-attempt'
const placedKey = 'octavo-placed'
const triesMax = 6
const backoffFirstMs = 1000
const backoffMaxMs = 15_000

const store: AttemptStore = {
  read: () => readStored(storageKey),
  write: (value) => writeStored(storageKey, value),
}

const placedStore: AttemptStore = {
  read: () => readStored(placedKey),
  write: (value) => writeStored(placedKey, value),
}

/** Tabs of this browser take turns, where it can make them: the second one sees what the first has placed. */
async function inTurn(work: () => Promise<void>): Promise<void> {
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks
  if (locks === undefined) return work()
  await locks.request('octavo-checkout', work)
}

/** Places an order so that it exists once, whatever happens on the way: a double click, a retry, a reload. */
export function useCheckout() {
  const left = openAttempt(store, Date.now())
  const state = shallowRef<CheckoutState>(
    left ? { kind: 'unknown', attempt: left, problem: undefined } : { kind: 'editing' },
  )
  const { cart, removeOrdered } = useCart()
  // A cart that is filled again is another one, for another order.
  let begunAtMs = Date.now()
  watch(cart, (now, before) => {
    if (before.length === 0 && now.length > 0) begunAtMs = Date.now()
  })
  const { remember, tokenOf } = useKnownOrders()
  let isLeft = false
  onScopeDispose(() => {
    isLeft = true
  })

  async function submit(order: NewOrder): Promise<void> {
    if (state.value.kind === 'sending' || state.value.kind === 'waiting') return
    state.value = { kind: 'sending' }
    await inTurn(async () => {
      const placed = placedSince(placedStore, order, begunAtMs)
      await send(placed ?? beginAttempt(store, order, () => crypto.randomUUID(), Date.now()))
    })
  }

  async function send(attempt: Attempt): Promise<void> {
    for (let tries = 1; !isLeft; tries++) {
      state.value = { kind: 'sending' }
      const problem = await tryOnce(attempt)
      if (!problem) return
      if (!problem.isPassing) return refuse(attempt, problem)
      if (tries >= triesMax) {
        state.value = { kind: 'unknown', attempt, problem }
        return
      }
      const waitMs = problem.retryAfterMs ?? Math.min(backoffFirstMs * 2 ** (tries - 1), backoffMaxMs)
      state.value = { kind: 'waiting', problem, untilMs: Date.now() + waitMs }
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }

  async function tryOnce(attempt: Attempt): Promise<ApiProblem | undefined> {
    try {
      const order = await placeOrder(attempt.order, attempt.key)
      keepOrder(order)
      notePlaced(placedStore, attempt, Date.now())
      endAttempt(store, attempt)
      state.value = { kind: 'placed', order }
      return undefined
    } catch (error) {
      return error instanceof ApiProblem ? error : ApiProblem.local('network', error)
    }
  }

  /** Done here and not by the page, which the reader may have left by now. */
  function keepOrder(order: Order): void {
    // A repeated answer may leave the token out; this browser may know it from the first one.
    const token = order.token ?? tokenOf(order.id)
    if (token) remember({ id: order.id, token, createdAt: order.createdAt })
    removeOrdered(order.lines.map((line) => line.isbn))
  }

  function refuse(attempt: Attempt, problem: ApiProblem): void {
    // A key that belongs to another order (422) must not be sent again; after every other refusal it may.
    if (problem.status === 422) endAttempt(store, attempt)
    else refuseAttempt(store, attempt)
    state.value = { kind: 'refused', problem }
  }

  return {
    state: shallowReadonly(state),
    submit,
    resume: () => (state.value.kind === 'unknown' ? send(state.value.attempt) : undefined),
    /** Gives up an attempt of unknown outcome; if its order exists, its copies go back when the hold ends. */
    abandon: () => {
      if (state.value.kind !== 'unknown') return
      endAttempt(store, state.value.attempt)
      state.value = { kind: 'editing' }
    },
    edit: () => {
      if (state.value.kind === 'refused') state.value = { kind: 'editing' }
    },
  }
}
