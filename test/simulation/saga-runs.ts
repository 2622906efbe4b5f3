import { createSagaStore, lateMs, type SagaBreakage, type SagaOrder, type SagaStore } from './saga-store.ts'
import { createWorld, epochMs, runAll, type World } from './world.ts'

const atOnce = 16
const faultsUntilMs = 60_000
const limitMs = 600_000

/** Builds with one safeguard taken out, and what the checks must say of each. */
export const controls: Record<string, { broken: SagaBreakage; shows: RegExp }> = {
  'a void that leaves no tombstone': { broken: { withoutTombstone: true }, shows: /authorised for ever/ },
  'workers without a fence': { broken: { withoutFence: true }, shows: /vouchers/ },
}
type Schedule = { world: World; store: SagaStore }

export function createSchedule(seed: number, broken: SagaBreakage = {}, trace = false): Schedule {
  const world = createWorld(seed, trace)
  const orders = Array.from({ length: 1 + world.below(3) }, (_, i): SagaOrder => {
    const isFree = world.chance(0.2)
    const card = world.chance(0.6) ? 'approved' : world.chance(0.5) ? 'declined' : 'silent'
    return {
      ...{ id: `order-${i}`, status: 'reserved', copies: 1 + world.below(2), isFree, card },
      ...{ sagaId: null, paymentKey: null, vouchers: [], expiresAt: epochMs + 60_000 },
    }
  })
  const store = createSagaStore(world, orders, broken)
  for (const order of orders) planReader(world, store, order)
  planFaults(world, store)
  world.endAt = limitMs
  const look = () => {
    if (isQuiet(store)) world.endAt = world.now()
    else world.after(5_000, look)
  }
  world.after(faultsUntilMs + lateMs, look)
  return { world, store }
}

const isQuiet = ({ orders, sagas }: SagaStore) =>
  ![...sagas.values()].some(({ state }) => state === 'running' || state === 'compensating') &&
  orders.every(({ status }) => status !== 'reserved' && status !== 'paid')

function planReader(world: World, store: SagaStore, order: SagaOrder): void {
  for (let i = 0; i < 3; i++)
    world.after(world.random() * 40_000, () => {
      // Another card may do better.
      if (i === 2 && world.chance(0.5)) order.card = 'approved'
      store.pay(order, `${order.id}-saga-${i}`)
    })
  if (world.chance(0.4))
    world.after(world.random() * faultsUntilMs, () => store.cancel(order, `${order.id}-refund`))
  // Whoever has the voucher may be at the counter before its saga knows that it is over.
  if (world.chance(0.5))
    for (let i = 0; i < 5; i++)
      world.after(world.random() * (faultsUntilMs + lateMs), () => store.redeem(order))
  // The expiry looks from time to time.
  for (const ms of [80_000, 110_000, 140_000, 200_000])
    world.after(ms, () => order.status === 'reserved' && store.cancel(order, `${order.id}-late-${ms}`))
}

function planFaults(world: World, store: SagaStore): void {
  const rate = world.random() * 0.1
  world.hazard = (process) => {
    if (world.now() > faultsUntilMs || !world.chance(rate)) return
    if (world.chance(0.5)) process.freeze(world.random() * 50_000)
    else process.kill()
  }
  const revive = () => {
    for (const worker of store.workers) if (world.chance(0.5)) worker.start()
    if (world.now() < faultsUntilMs) world.after(500 + world.random() * 5_000, revive)
    else {
      store.heal()
      for (const worker of store.workers) worker.start()
    }
  }
  world.after(1_000, revive)
}

/** What is wrong once everything has come to rest. */
export function violations({ orders, sagas, provider, stock }: SagaStore): string[] {
  const found: string[] = []
  for (const { id, state } of sagas.values())
    if (state === 'running' || state === 'compensating') found.push(`saga ${id} never ends: ${state}`)
  for (const [key, state] of provider.payments)
    if (state === 'authorised') found.push(`payment ${key} stays authorised for ever`)
  for (const order of orders) {
    const captured = [...provider.payments].filter(
      ([key, state]) => key.startsWith(order.id) && state === 'captured',
    ).length
    if (captured !== (isSold(order) && !order.isFree ? 1 : 0))
      found.push(`${order.id} is ${order.status} with ${captured} payments kept`)
    const good = order.vouchers.filter((voucher) => voucher !== 'revoked').length
    const wanted = isSold(order) ? order.copies : 0
    if (good !== wanted)
      found.push(`${order.id} is ${order.status} with ${good} vouchers instead of ${wanted}`)
    if (order.status === 'reserved' || order.status === 'paid')
      found.push(`${order.id} stays ${order.status} for ever`)
  }
  const sold = orders.reduce((sum, order) => sum + (isSold(order) ? order.copies : 0), 0)
  if (stock.held !== 0 || stock.sold !== sold)
    found.push(`${stock.held} copies held and ${stock.sold} sold instead of ${sold}`)
  return found
}

const isSold = ({ status }: SagaOrder) => status === 'confirmed' || status === 'redeemed'

/**
 * Runs schedules until one breaks a rule.
 * @param control the name of a broken build; without it, sagas as they are
 * @returns what was found, and how to see it again
 */
export async function firstFailure(
  first: number,
  count: number,
  control?: string,
): Promise<string | undefined> {
  const { broken, shows } = controls[control ?? ''] ?? { broken: {}, shows: /./ }
  for (let done = 0; done < count; done += atOnce) {
    const batch = Array.from({ length: atOnce }, (_, i) => createSchedule(first + done + i, broken))
    await runAll(batch.map((schedule) => schedule.world))
    for (const { world, store } of batch) {
      const found = violations(store)
      if (found.some((text) => shows.test(text)))
        return `seed ${world.seed}: ${found.join('; ')}\nreplay: OCTAVO_SEED=${world.seed} node --test test/simulation/saga.test.ts`
    }
  }
  return undefined
}
