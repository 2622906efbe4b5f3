import { Problem } from '#kernel/problem'
import { Unavailable } from '#kernel/unavailable'
import type { Settlement } from '#services/orders'
import type { Title } from '../../src/services/catalog/stock/allot.ts'
import type { StockParticipant } from '../../src/services/catalog/stock/participant.ts'
import { createRecovery } from '../../src/services/catalog/stock/recovery.ts'
import { createGroupEngine, type GroupEngine } from '../../src/services/coordinator/engine.ts'
import type { Wish, WishOutcome } from '../../src/services/coordinator/member.ts'
import type { OrdersAgent } from '../../src/services/coordinator/orders-agent.ts'
import { type BookDb, type BookDbOptions, createBookDb } from './book-db.ts'
import { createNetwork, type Network, type Weather } from './network.ts'
import { createOrderDb, type OrderDb, type OrderDbOptions } from './order-db.ts'
import { createProcess, type Process } from './process.ts'
import { epochMs, type World } from './world.ts'

/** A whole simulated store: two instances of each service over two databases, with the real engine in the middle. */
export type Store = {
  books: BookDb
  orders: OrderDb
  network: Network
  coordinators: readonly Process[]
  processes: readonly Process[]
  /** Asks the engine of a coordinator, from another process. */
  submit(from: Process, wish: Wish, deadlineMs: number): Promise<WishOutcome>
  /** Orders whose time for the next settlement has come. */
  due(): string[]
}

/** Parts that a broken build would have different, to see whether the checks notice. */
export type Breakage = BookDbOptions &
  OrderDbOptions & {
    /** Answers before the decision is durable. */
    answersEarly?: boolean
    /** Recovery commits what it finds, without asking what was decided. */
    recoversBlindly?: boolean
  }

const holdMs = 3_000
const recoverEveryMs = 500
const settleEveryMs = 700
const prepareDeadlineMs = 6_000
const decideDeadlineMs = 4_000
const finishDeadlineMs = 3_000
const resolveDeadlineMs = 2_000
const settleDeadlineMs = 10_000

export function createStore(
  world: World,
  titles: readonly Title[],
  weather: Weather,
  broken: Breakage = {},
): Store {
  const network = createNetwork(world, weather)
  const books = createBookDb(world, titles, broken)
  const orders = createOrderDb(world, broken)
  const engines = new Map<Process, GroupEngine>()
  const participants = new Map<Process, StockParticipant>()

  const ordersProcesses: Process[] = []
  const agentFor = (from: Process): OrdersAgent => {
    const ask = <T>(what: (agent: OrdersAgent) => Promise<T>, deadlineMs: number) =>
      network.call(from, ordersProcesses, (callee) => what(orders.agentIn(callee)), deadlineMs)
    return {
      async commitGroup(id, group) {
        const committed = ask((agent) => agent.commitGroup(id, group), decideDeadlineMs)
        if (!broken.answersEarly) return await committed
        committed.catch(() => undefined)
        return { kind: 'committed' }
      },
      lookUp: (request) => ask((agent) => agent.lookUp(request), decideDeadlineMs),
      resolve: (id) => ask((agent) => agent.resolve(id), resolveDeadlineMs),
    }
  }

  const catalogs = ['catalog.1', 'catalog.2'].map((name) =>
    createProcess(world, name, (self) => {
      const agent = agentFor(self)
      const participant = books.participantIn(self)
      participants.set(self, participant)
      const { life, clock } = self
      const resolve = broken.recoversBlindly
        ? async () => 'committed' as const
        : (id: string) => agent.resolve(id)
      const recover = createRecovery({ participant, resolve, clock })
      const look = async () => {
        await recover().catch(() => undefined)
        if (self.life !== life) return
        await self.clock.sleep(recoverEveryMs)
        await look()
      }
      look()
    }),
  )

  const coordinators = ['coordinator.1', 'coordinator.2'].map((name) =>
    createProcess(world, name, (self) => {
      const ask = <T>(what: (stock: StockParticipant) => Promise<T>, deadlineMs: number) =>
        network.call(
          self,
          catalogs,
          (callee) => what(participants.get(callee) as StockParticipant),
          deadlineMs,
        )
      engines.set(
        self,
        createGroupEngine({
          stock: {
            name: 'catalog',
            prepare: (id, requests) => ask((stock) => stock.prepare(id, requests), prepareDeadlineMs),
            commit: (id) => ask((stock) => stock.commit(id), finishDeadlineMs),
            abort: (id) => ask((stock) => stock.abort(id), finishDeadlineMs),
            inDoubt: () => ask((stock) => stock.inDoubt(), finishDeadlineMs),
          },
          orders: agentFor(self),
          clock: self.clock,
          holdMs,
        }),
      )
    }),
  )
  const submit: Store['submit'] = (from, wish, deadlineMs) =>
    network.call(
      from,
      world.chance(0.5) ? coordinators : coordinators.toReversed(),
      (callee) => (engines.get(callee) as GroupEngine).submit(wish),
      deadlineMs,
    )

  const due = () =>
    [...orders.orders.values()].flatMap((order) => (nextSettlement(order, world) ? [order.id] : []))
  for (const name of ['orders.1', 'orders.2']) {
    const process = createProcess(world, name, (self) => {
      const { life } = self
      const settleDue = async () => {
        await self.clock.sleep(settleEveryMs * (0.5 + world.random()))
        if (self.life !== life) return
        const settlements = [...orders.orders.values()].flatMap((order) => nextSettlement(order, world) ?? [])
        await Promise.allSettled(
          settlements.map((settlement) => submit(self, { kind: 'settle', settlement }, settleDeadlineMs)),
        )
        await settleDue()
      }
      settleDue()
    })
    ordersProcesses.push(process)
  }
  const processes = [...catalogs, ...coordinators, ...ordersProcesses]
  return { books, orders, network, coordinators, processes, submit, due }
}

/** What a saga or the expiry would ask for now: free orders are confirmed, unpaid ones expire. */
function nextSettlement(
  order: OrderDb['orders'] extends ReadonlyMap<string, infer Row> ? Row : never,
  world: World,
): Settlement | undefined {
  if (order.status !== 'reserved') return undefined
  const { id: orderId, sagaId, lines } = order
  if (sagaId !== null) return { orderId, movement: 'confirm', to: 'confirmed', sagaId, lines }
  if (order.expiresAt + 100 > epochMs + world.now()) return undefined
  return { orderId, movement: 'release', to: 'expired', sagaId: null, lines }
}

/** Whether an error leaves it open what was done. */
export const isUnknown = (error: unknown) =>
  error instanceof Unavailable || (error instanceof Problem && [429, 503].includes(error.status))
