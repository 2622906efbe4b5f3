import type { StockAnswer } from '#services/catalog'
import type { Title } from '../../src/services/catalog/stock/allot.ts'
import type { Draft } from '../../src/services/coordinator/member.ts'
import type { Weather } from './network.ts'
import { createProcess, type Process } from './process.ts'
import { type Breakage, createStore, isUnknown, type Store } from './store.ts'
import { createWorld, type World } from './world.ts'

/** What one client saw of one order it wanted. */
export type Client = {
  draft: Draft
  /** Ids of orders it was told of. */
  acknowledged: string[]
  /** The last answer was a refusal, and every request before it was answered. */
  isSurelyRefused: boolean
  isDone: boolean
  bugs: string[]
}

export type Schedule = { world: World; store: Store; clients: Client[]; titles: readonly Title[] }

const faultsUntilMs = 2_000
const limitMs = 60_000
const triesMax = 6
const clientDeadlineMs = 4_000

/** Lays out everything that a seed says: titles, clients, weather, deaths; `runAll` then lets it happen. */
export function createSchedule(seed: number, broken: Breakage = {}, trace = false): Schedule {
  const world = createWorld(seed, trace)
  const titles = makeTitles(world)
  const weather = makeWeather(world)
  const store = createStore(world, titles, weather, broken)
  const surely = weather.doubling === 0
  const outside = createProcess(world, 'outside', () => undefined)
  const clients = Array.from({ length: 3 + world.below(9) }, (_, i) => makeClient(world, titles, i))
  const rushMs = world.chance(0.5) ? 5 : 1_000
  for (const client of clients) {
    world.after(world.random() * rushMs, () => void runClient(world, store, outside, client, surely))
  }
  if (world.chance(0.3))
    world.after(world.random() * 2_000, () => void setStock(world, store, outside, titles))
  planFaults(world, store)
  const schedule = { world, store, clients, titles }
  world.endAt = limitMs
  world.after(faultsUntilMs + 500, () => endWhenQuiet(schedule))
  return schedule
}

function makeTitles(world: World): Title[] {
  return Array.from({ length: 1 + world.below(3) }, (_, i) => ({
    isbn: `978000000000${i}`,
    title: `Title ${i}`,
    copies: 1 + world.below(8),
    held: 0,
    sold: 0,
    limited: false,
    salesOpenAt: null,
    // Free orders are confirmed by their sagas, others expire.
    priceAmount: world.chance(0.5) ? 0 : 1_000,
    priceCurrency: 'EUR',
    perCustomer: world.chance(0.3) ? 1 + world.below(2) : null,
  }))
}

function makeWeather(world: World): Weather {
  const isFine = world.chance(0.3)
  return {
    loss: isFine ? 0 : world.random() * 0.08,
    doubling: isFine || world.chance(0.5) ? 0 : world.random() * 0.1,
    lateness: isFine ? 0 : world.random() * 0.1,
    lateMs: 3_000 * world.random(),
  }
}

function planFaults(world: World, store: Store): void {
  const rate = world.chance(0.2) ? 0 : world.random() * 0.04
  let deaths = 6
  world.hazard = (process) => {
    if (rate === 0 || deaths === 0 || world.now() > faultsUntilMs || !world.chance(rate)) return
    deaths--
    const struck = world.chance(0.7) ? (process as Process) : (store.processes[world.below(6)] as Process)
    if (struck.name === 'outside') return
    if (world.chance(0.4)) return struck.freeze(world.random() * 3_000)
    if (world.chance(0.2))
      return (world.chance(0.5) ? store.books : store.orders).crash(world.random() * 1_500)
    struck.kill()
    world.after(20 + world.random() * 1_500, () => struck.start())
  }
}

function makeClient(world: World, titles: readonly Title[], i: number): Client {
  const customer = { name: 'Ada', email: `customer${world.below(3)}@example.org` }
  const chosen = titles.filter(() => world.chance(0.6))
  const lines = (chosen.length > 0 ? chosen : titles.slice(0, 1)).map(({ isbn }) => ({
    isbn,
    quantity: 1 + world.below(2),
  }))
  const hash = (what: number) => `00000000-0000-0000-000${what}-${String(i).padStart(12, '0')}`
  const draft = { id: '', keyHash: hash(1), bodyHash: hash(2), tokenHash: hash(3), customer, lines }
  return { draft, acknowledged: [], isSurelyRefused: false, isDone: false, bugs: [] }
}

/** Orders until it is told something final, with the same key each time. */
async function runClient(world: World, store: Store, outside: Process, client: Client, surely: boolean) {
  let wasAnswered = surely
  for (let tries = 0; tries < triesMax; tries++) {
    const draft = { ...client.draft, id: outside.clock.uuid() }
    try {
      const outcome = await store.submit(outside, { kind: 'place', draft }, clientDeadlineMs)
      world.note(`client ${draft.keyHash.slice(-2)} is told ${outcome.kind}`)
      if (outcome.kind === 'placed' || outcome.kind === 'replayed') client.acknowledged.push(outcome.order.id)
      else if (outcome.kind !== 'stock') client.bugs.push(`was told ${outcome.kind}`)
      else if (!isRefusal(outcome.answer)) client.bugs.push(`was told ${outcome.answer.kind}`)
      else client.isSurelyRefused = wasAnswered
      // Some ask again although they know.
      if (!world.chance(0.2)) break
      client.isSurelyRefused = false
    } catch (error) {
      if (!isUnknown(error)) client.bugs.push(String(error))
      if (!(error instanceof Error && error.name === 'Problem')) wasAnswered = false
    }
    await outside.clock.sleep(100 + world.random() * 1_000)
  }
  if (client.acknowledged.length > 0 && world.chance(0.2)) await cancel(world, store, outside, client)
  client.isDone = true
}

const isRefusal = ({ kind }: StockAnswer) => kind === 'out-of-stock' || kind === 'customer-limit'

async function cancel(world: World, store: Store, outside: Process, client: Client): Promise<void> {
  const orderId = client.acknowledged[0] as string
  for (let tries = 0; tries < 3; tries++) {
    const order = store.orders.orders.get(orderId)
    if (order === undefined || !['reserved', 'confirmed'].includes(order.status)) return
    const movement = order.status === 'reserved' ? 'release' : 'return'
    const settlement = { orderId, movement, to: 'cancelled', sagaId: null, lines: order.lines } as const
    try {
      await store.submit(outside, { kind: 'settle', settlement }, clientDeadlineMs)
    } catch (error) {
      if (!isUnknown(error)) client.bugs.push(String(error))
    }
    await outside.clock.sleep(100 + world.random() * 500)
  }
}

async function setStock(world: World, store: Store, outside: Process, titles: readonly Title[]) {
  const { isbn } = titles[world.below(titles.length)] as Title
  const wish = { kind: 'set-copies', isbn, copies: world.below(10), reason: null } as const
  await store.submit(outside, wish, clientDeadlineMs).catch(() => undefined)
}

/** Once the faults are over: heals the network, starts the dead, and ends when there is nothing left to do. */
function endWhenQuiet(schedule: Schedule): void {
  const { world, store, clients } = schedule
  store.network.heal()
  for (const process of store.processes) process.start()
  const look = () => {
    const isQuiet =
      clients.every((client) => client.isDone) && store.books.prepared.size === 0 && store.due().length === 0
    const isExpiryAhead = [...store.orders.orders.values()].some((order) => order.status === 'reserved')
    if (isQuiet && !isExpiryAhead) world.endAt = world.now()
    else world.after(250, look)
  }
  // What was sent before may still be on its way: late messages, calls without an answer, frozen processes.
  world.after(4_000, look)
}
