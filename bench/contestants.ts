import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import pg from 'pg'
import { systemClock as clock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { type PlacedOrder, packGroup } from '#services/orders'
import { createStockParticipant } from '../src/services/catalog/stock/participant.ts'
import { openStore } from '../src/services/catalog/store/open-store.ts'
import { createGroupEngine } from '../src/services/coordinator/engine.ts'
import type { Draft } from '../src/services/coordinator/member.ts'
import { commitGroup } from '../src/services/orders/commit-group.ts'
import { createDecisionLog } from '../src/services/orders/decisions.ts'
import type { Contestant } from './rounds.ts'
import type { BenchStore } from './store.ts'

/** A new order for one copy. Hashing is the door's work, which is measured over HTTP: here hashes come ready made. */
export function draft(isbn: string): Draft {
  return {
    id: clock.uuid(),
    keyHash: randomHash(),
    bodyHash: sameHash,
    tokenHash: sameHash,
    customer: { name: 'Ada Byron', email: 'ada@example.org' },
    lines: [{ isbn, quantity: 1 }],
  }
}

/** For columns without an index any will do. */
const sameHash = randomUUID()
const hashText = Buffer.from(sameHash)
const digits = Buffer.from('0123456789abcdef')

/** Looks like `randomUUID()`, for callers that cost next to nothing. */
function randomHash(): string {
  for (let i = 0; i < hashText.length; i++)
    if (i !== 8 && i !== 13 && i !== 18 && i !== 23) hashText[i] = digits[Math.floor(Math.random() * 16)] ?? 0
  return hashText.toString('latin1')
}

function priced(isbn: string): PlacedOrder {
  const { id, keyHash, bodyHash, tokenHash, customer } = draft(isbn)
  const total = { amount: 1250, currency: 'EUR' }
  const lines = [{ isbn, title: `Book ${isbn}`, quantity: 1, unitPrice: total }]
  const details = JSON.stringify({ customer, lines, total })
  return { id, keyHash, bodyHash, tokenHash, email: customer.email, free: false, limits: [], details }
}

/** A caller's title: the hot one, or its own among many, in turn. */
function titleOf(store: BenchStore) {
  let turn = 0
  return () => store.isbns[turn++ % store.isbns.length] as string
}

/** Octavo's engine with its participants in this process: group commit over both databases. */
export async function openEngine({ bookDbUrl, orderDbUrl }: Pick<BenchStore, 'bookDbUrl' | 'orderDbUrl'>) {
  const options = { applicationName: 'bench-engine', connectionsMax: 4, planOnce: true }
  const [books, orders] = [
    await openStore(bookDbUrl, { applicationName: 'bench-engine' }),
    await openDatabase(orderDbUrl, options),
  ]
  const log = createDecisionLog(orders)
  const group = createGroupEngine({
    stock: createStockParticipant(books.stock, clock),
    orders: {
      commitGroup: (id, request) => commitGroup(orders, id, packGroup(request)),
      lookUp: async () => ({ known: [], bought: [] }),
      resolve: log.resolve,
    },
    clock,
    holdMs: 900_000,
    turn: setImmediate,
  })
  return {
    group,
    async [Symbol.asyncDispose]() {
      await group.idle()
      await books[Symbol.asyncDispose]()
      await orders[Symbol.asyncDispose]()
    },
  }
}

/** Reservations through the engine. */
export async function engine(
  store: BenchStore,
  name = 'octavo: group commit in two databases',
): Promise<Contestant> {
  const opened = await openEngine(store)
  const title = titleOf(store)
  return {
    name,
    async call() {
      const outcome = await opened.group.submit({ kind: 'place', draft: draft(title()) })
      if (outcome.kind !== 'placed') throw new Error(`not placed: ${outcome.kind}`)
    },
    [Symbol.asyncDispose]: opened[Symbol.asyncDispose],
  }
}

/** The obvious design: lock the whole stock table for each order, then read, decide and write. Both databases. */
export async function tableLock(store: BenchStore): Promise<Contestant> {
  return await withClients('table lock', store, 16, async (books, orders, isbn) => {
    await books.query('BEGIN')
    await books.query('LOCK TABLE catalog.stock IN EXCLUSIVE MODE')
    const { rows } = await books.query({
      name: 'read',
      text: 'SELECT copies - held - sold AS left FROM catalog.stock WHERE isbn = $1',
      values: [isbn],
    })
    if (Number(rows[0].left) < 1) throw new Error('sold out')
    await books.query({
      name: 'take',
      text: 'UPDATE catalog.stock SET held = held + 1 WHERE isbn = $1',
      values: [isbn],
    })
    await insertOrder(orders, isbn)
    await books.query('COMMIT')
  })
}

/** One statement that takes a copy if there is one, and one that writes the order: no transaction spans the two. */
export async function conditionalUpdate(store: BenchStore): Promise<Contestant> {
  return await withClients('conditional update, then insert', store, 16, async (books, orders, isbn) => {
    const { rowCount } = await books.query({
      name: 'take',
      text: 'UPDATE catalog.stock SET held = held + 1 WHERE isbn = $1 AND held + sold < copies',
      values: [isbn],
    })
    if (rowCount !== 1) throw new Error('sold out')
    await insertOrder(orders, isbn)
  })
}

/** Textbook two-phase commit, one distributed transaction for each order: both prepare, both commit. */
export async function twoPhasePerOrder(store: BenchStore): Promise<Contestant> {
  return await withClients('two-phase commit per order', store, 16, async (books, orders, isbn) => {
    const id = clock.uuid()
    await books.query('BEGIN')
    await books.query({
      name: 'take',
      text: 'UPDATE catalog.stock SET held = held + 1 WHERE isbn = $1 AND held + sold < copies',
      values: [isbn],
    })
    await orders.query('BEGIN')
    await insertOrder(orders, isbn)
    await books.query(`PREPARE TRANSACTION 'b${id}'`)
    await orders.query(`PREPARE TRANSACTION 'o${id}'`)
    await orders.query(`COMMIT PREPARED 'o${id}'`)
    await books.query(`COMMIT PREPARED 'b${id}'`)
  })
}

/** What pgbench would do: one row updated over and over, nothing else written; `connections` at its best is few. */
export async function oneRowUpdate(store: BenchStore, connections: number): Promise<Contestant> {
  return await withClients(
    `one-row update, ${connections} connections`,
    store,
    connections,
    async (books, _orders, isbn) => {
      await books.query({
        name: 'one',
        text: 'UPDATE catalog.stock SET held = held + 1 WHERE isbn = $1',
        values: [isbn],
      })
    },
  )
}

/** The floor: groups that are ready made, in one database alone: nothing is gathered, prepared or decided. */
export async function readyMadeGroups(store: BenchStore, size: number): Promise<Contestant> {
  const orders = await openDatabase(store.orderDbUrl, { applicationName: 'bench-floor', connectionsMax: 2 })
  const title = titleOf(store)
  let running: Promise<unknown> = Promise.resolve()
  return {
    name: `ready-made groups of ${size} in one database`,
    // Each call writes a whole group: the table counts orders, so its figure is multiplied by the group's size.
    call: () => {
      const placed = Array.from({ length: size }, () => priced(title()))
      running = commitGroup(
        orders,
        clock.uuid(),
        packGroup({
          participants: [],
          placed,
          settled: [],
          expiresAt: clock.now(),
        }),
      )
      return running as Promise<void>
    },
    async [Symbol.asyncDispose]() {
      await running
      await orders[Symbol.asyncDispose]()
    },
  }
}

type Work = (books: pg.Client, orders: pg.Client, isbn: string) => Promise<void>

/** Callers share `connections` pairs of connections: more of them only wait on the same lock, and cost. */
async function withClients(
  name: string,
  store: BenchStore,
  connections: number,
  work: Work,
): Promise<Contestant> {
  const pairs = await Promise.all(
    Array.from({ length: connections }, async () => {
      const pair = [new pg.Client(store.bookDbUrl), new pg.Client(store.orderDbUrl)] as const
      await Promise.all(pair.map((client) => client.connect()))
      return pair
    }),
  )
  const free = [...pairs]
  const waiting: ((pair: (typeof pairs)[number]) => void)[] = []
  const title = titleOf(store)
  return {
    name,
    async call() {
      const pair =
        free.pop() ?? (await new Promise<(typeof pairs)[number]>((resolve) => waiting.push(resolve)))
      try {
        await work(...pair, title())
      } finally {
        const next = waiting.shift()
        if (next) next(pair)
        else free.push(pair)
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(pairs.flat().map((client) => client.end()))
    },
  }
}

/** The same order row that the engine writes, and nothing less. */
async function insertOrder(orders: pg.Client, isbn: string): Promise<void> {
  const order = priced(isbn)
  await orders.query({
    name: 'insert',
    text: `INSERT INTO orders.orders (id, idempotency_key, body_hash, token_hash, details, expires_at, transaction_id)
           VALUES ($1, $2, $3, $4, $5, $6, $1)`,
    values: [
      order.id,
      order.keyHash,
      order.bodyHash,
      order.tokenHash,
      order.details,
      new Date(clock.now() + 900_000),
    ],
  })
}
