import type { Decision } from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type {
  GroupCommit,
  GroupOutcome,
  LookedUp,
  LookUp,
  Order,
  OrderDetails,
  OrderStatus,
} from '#services/orders'
import type { OrdersAgent } from '../../src/services/coordinator/orders-agent.ts'
import { judge, type OrderState } from '../../src/services/orders/settle-orders.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export type SimulatedOrder = {
  id: string
  keyHash: string
  bodyHash: string
  status: OrderStatus
  /** The saga at work: a free order has one from the beginning. */
  sagaId: string | null
  expiresAt: number
  email: string
  lines: { isbn: string; quantity: number }[]
}

/** OrderDb as far as two-phase commit needs it: decisions, orders with unique keys, customers' limits. */
export type OrderDb = {
  readonly orders: ReadonlyMap<string, SimulatedOrder>
  readonly decisions: ReadonlyMap<string, Decision>
  readonly bought: ReadonlyMap<string, number>
  /** The last agent as it runs in this orders process. */
  agentIn(process: Process): OrdersAgent
  crash(downMs: number): void
}

/** What a broken build would leave out, to see whether the checks notice. */
export type OrderDbOptions = { withoutFence?: boolean; withoutUniqueKey?: boolean }

export function createOrderDb(world: World, options: OrderDbOptions = {}): OrderDb {
  const orders = new Map<string, SimulatedOrder>()
  const keys = new Map<string, SimulatedOrder>()
  const decisions = new Map<string, Decision>()
  const bought = new Map<string, number>()
  let downUntil = 0

  /** One statement, or one short transaction: all of it or nothing, at one moment. */
  const statement = <T>(process: Process, work: () => T): Promise<T> => {
    const { life } = process
    return new Promise((resolve, reject) => {
      const fail = () => process.deliver(life, () => reject(new Unavailable('OrderDb is away')))
      world.after(world.random() * 2, () => {
        world.hazard(process)
        if (world.now() < downUntil) return fail()
        const value = work()
        world.hazard(process)
        world.after(world.random(), () =>
          world.now() < downUntil ? fail() : process.deliver(life, () => resolve(value)),
        )
      })
    })
  }

  const resolve = (id: string): Decision => {
    const found = decisions.get(id)
    if (found !== undefined) return found
    if (!options.withoutFence) decisions.set(id, 'aborted')
    return 'aborted'
  }

  const tryCommit = (id: string, group: GroupCommit, nowMs: number): GroupOutcome => {
    const refused = group.settled.flatMap((each) => {
      const verdict = judge(stateOf(orders.get(each.orderId)), each, nowMs)
      return verdict === 'fits' ? [] : [{ orderId: each.orderId, reason: verdict }]
    })
    if (refused.length > 0) return { kind: 'refused', orders: refused }
    if (decisions.has(id)) return { kind: 'fenced' }
    const seen = new Set<string>()
    const sums = new Map<string, { quantity: number; max: number }>()
    for (const { keyHash, email, limits } of group.placed) {
      if (!options.withoutUniqueKey && (keys.has(keyHash) || seen.has(keyHash))) return { kind: 'conflict' }
      seen.add(keyHash)
      for (const { isbn, quantity, perCustomer } of limits) {
        const key = `${isbn} ${email.toLowerCase()}`
        const sum = (sums.get(key)?.quantity ?? bought.get(key) ?? 0) + quantity
        if (sum > perCustomer) return { kind: 'conflict' }
        sums.set(key, { quantity: sum, max: perCustomer })
      }
    }
    decisions.set(id, 'committed')
    for (const [key, { quantity }] of sums) bought.set(key, quantity)
    for (const placed of group.placed) {
      const { lines } = JSON.parse(placed.details) as OrderDetails
      const order: SimulatedOrder = {
        ...{ id: placed.id, keyHash: placed.keyHash, bodyHash: placed.bodyHash, email: placed.email },
        ...{ status: 'reserved', sagaId: placed.free ? placed.id : null, expiresAt: group.expiresAt },
        lines: lines.map(({ isbn, quantity }) => ({ isbn, quantity })),
      }
      orders.set(order.id, order)
      keys.set(order.keyHash, order)
    }
    for (const { orderId, to, movement, lines } of group.settled) {
      const order = orders.get(orderId) as SimulatedOrder
      order.status = to
      order.sagaId = null
      if (movement === 'confirm') continue
      for (const { isbn, quantity } of lines) {
        const key = `${isbn} ${order.email.toLowerCase()}`
        const before = bought.get(key)
        if (before !== undefined) bought.set(key, Math.max(before - quantity, 0))
      }
    }
    world.note(
      `OrderDb committed ${id.slice(-4)}: ${group.placed.length} placed, ${group.settled.length} settled`,
    )
    return { kind: 'committed' }
  }

  return {
    orders,
    decisions,
    bought,
    agentIn: (process) => ({
      async commitGroup(id, group) {
        const outcome = await statement(process, () => tryCommit(id, group, process.clock.now()))
        if (outcome.kind === 'committed') return outcome
        const decision = await statement(process, () => resolve(id))
        return decision === 'committed' ? { kind: 'committed' } : outcome
      },
      async lookUp({ keys: asked, limits, settlements = [] }: LookUp): Promise<LookedUp> {
        const known = await statement(process, () =>
          asked.flatMap((keyHash) => {
            const order = keys.get(keyHash)
            if (order === undefined) return []
            return [{ keyHash, bodyHash: order.bodyHash, order: { id: order.id } as Order }]
          }),
        )
        if (limits.length + settlements.length === 0) return { known, bought: [] }
        return await statement(process, () => ({
          known,
          bought: limits.flatMap(({ isbn, customer }) => {
            const quantity = bought.get(`${isbn} ${customer}`)
            return quantity === undefined ? [] : [{ isbn, customer, quantity }]
          }),
          verdicts: settlements.map((each) => ({
            orderId: each.orderId,
            verdict: judge(stateOf(orders.get(each.orderId)), each, process.clock.now()),
          })),
        }))
      },
      resolve: (id) => statement(process, () => resolve(id)),
    }),
    crash(downMs) {
      world.note('OrderDb dies')
      downUntil = world.now() + downMs
    },
  }
}

function stateOf(order: SimulatedOrder | undefined): OrderState | undefined {
  if (order === undefined) return undefined
  return {
    id: order.id,
    status: order.status,
    sagaId: order.sagaId,
    expiresAt: new Date(order.expiresAt),
    customerEmail: order.email,
    anyRedeemed: false,
    paymentKey: null,
  }
}
