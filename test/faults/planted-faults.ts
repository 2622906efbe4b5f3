import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { callSigner } from '#kernel/signed-calls'
import { bundleRoute, callHeader, encodeBundle } from '#ports/http'
import type { RunRecord } from '../../src/local/data-folder.ts'
import { childrenOf } from '../../src/local/process-identity.ts'
import type { Database } from '../../src/ports/database/port.ts'
import type { RedisServer } from '../support/redis.ts'
import { within } from '../support/within.ts'

/** A store to do harm to. */
export type Victim = {
  url: string
  data: string
  secret: string
  /** Where the coordinator listens. */
  coordinator: () => Promise<string>
  orders: Database
  redis: RedisServer
  /** An order of one's own that is confirmed. */
  confirmed(): Promise<string>
  /** Asks Prometheus. */
  query(expression: string): Promise<unknown[]>
  place(isbn?: string): Promise<{ id: string; token: string }>
  /** A title that costs something. */
  priced: string
}

export type PlantedFault = {
  name: string
  fires: string
  /** Alerts that may follow from it; all others have to be quiet. */
  mayAlso: readonly string[]
  /** Whether it only lies there, so that others can be planted beside it and have to be told apart. */
  isStill?: boolean
  /** Begins it. @returns what mends it */
  plant(victim: Victim): Promise<() => Promise<unknown>>
}

/** Each thing that breaks a store, and what is to be said of it. */
const faults: readonly PlantedFault[] = [
  {
    name: 'a role that is killed again and again',
    fires: 'OctavoRoleAway',
    mayAlso: ['OctavoInstanceAway', 'OctavoCircuitOpen', 'OctavoVouchersWait'],
    plant: async (victim) => {
      const stop = new AbortController()
      const killing = (async () => {
        while (!stop.signal.aborted) {
          for (const pid of pidsOf(victim, 'vouchers')) signal(pid, 'SIGKILL')
          await sleep(100)
        }
      })()
      return async () => {
        stop.abort()
        await killing
      }
    },
  },
  {
    name: 'a database server that is frozen',
    fires: 'OctavoDatabaseAway',
    // The server that does not answer is named as well, whether or not it has replicas.
    mayAlso: [
      ...['OctavoCircuitOpen', 'OctavoInstanceAway', 'OctavoOutboxStuck', 'OctavoRoleAway'],
      'OctavoReplicaAway',
    ],
    plant: async (victim) => {
      const frozen = pidsOf(victim, 'book-db').flatMap((pid) => [pid, ...childrenOf(pid)])
      for (const pid of frozen) signal(pid, 'SIGSTOP')
      return async () => {
        for (const pid of frozen) signal(pid, 'SIGCONT')
      }
    },
  },
  {
    name: 'a saga that is stuck',
    fires: 'OctavoSagaTooOld',
    isStill: true,
    mayAlso: [],
    plant: async ({ orders, confirmed }) => {
      const [id, order] = [crypto.randomUUID(), await confirmed()]
      await orders.execute(
        `INSERT INTO orders.sagas (id, order_id, definition, step, due_at, updated_at)
         VALUES ($1, $2, 'refund', 0, now() + interval '1 day', now() - interval '20 minutes')`,
        [id, order],
      )
      return () => orders.execute('DELETE FROM orders.sagas WHERE id = $1', [id])
    },
  },
  {
    name: 'a payment provider whose answers are lost',
    fires: 'OctavoPaymentsFail',
    mayAlso: [],
    plant: async (victim) => {
      const stop = new AbortController()
      const paying = (async () => {
        while (!stop.signal.aborted) {
          await payWithLostAnswer(victim)
          await sleep(300)
        }
      })()
      return async () => {
        stop.abort()
        await paying
      }
    },
  },
  {
    name: 'a voucher that has no PDF',
    fires: 'OctavoVoucherWithoutObject',
    isStill: true,
    mayAlso: ['OctavoVouchersWait'],
    plant: async ({ orders, confirmed }) => {
      const order = await confirmed()
      const set = (stored: string) =>
        orders.execute(`UPDATE orders.vouchers SET stored_at = ${stored} WHERE order_id = $1`, [order])
      assert.equal(await set('NULL'), 1)
      return () => set('now()')
    },
  },
  {
    name: 'a cache server that is dead',
    fires: 'OctavoCacheAway',
    isStill: true,
    mayAlso: [],
    plant: async ({ redis, url, query }) => {
      // A gateway goes to its cache when it is first asked.
      await within(30_000, async () => {
        await (await fetch(`${url}/api/books?limit=3`)).arrayBuffer()
        return (await query('octavo_gateway_cache_nodes_up == 1')).length > 0
      })
      await redis.kill()
      return () => redis.start()
    },
  },
  {
    name: 'a queue that is full',
    fires: 'OctavoQueueFull',
    mayAlso: ['OctavoEventLoopSlow', 'OctavoPreparedTooOld', 'OctavoCircuitOpen', 'OctavoInstanceAway'],
    plant: fillQueue,
  },
  {
    name: 'money that was captured for an order that failed',
    fires: 'OctavoUnmatchedCapture',
    isStill: true,
    mayAlso: [],
    plant: async ({ orders, confirmed }) => {
      const order = await confirmed()
      const set = (status: string, key: string) =>
        orders.execute(`UPDATE orders.orders SET status = '${status}', payment_key = ${key} WHERE id = $1`, [
          order,
        ])
      await set('failed', "'planted'")
      return () => set('confirmed', 'NULL')
    },
  },
]

/** What only lies there is planted together, which spares a minute of waiting each. */
export const plantedFaults: readonly (readonly PlantedFault[])[] = [
  ...faults.filter(({ isStill }) => !isStill).map((fault) => [fault]),
  faults.filter(({ isStill }) => isStill),
]

/** OrderDb lets nobody decide, and thousands ask meanwhile. */
async function fillQueue({ orders, coordinator, secret, priced }: Victim): Promise<() => Promise<unknown>> {
  const stop = new AbortController()
  const locked = Promise.withResolvers<void>()
  const locking = orders.transaction(async (tx) => {
    await tx.execute('LOCK TABLE orders.decisions IN SHARE MODE')
    locked.resolve()
    // A transaction that is idle would be ended.
    while (!stop.signal.aborted) await tx.query('SELECT pg_sleep(0.1)', [])
  })
  await locked.promise
  const url = `${await coordinator()}${bundleRoute.path}`
  const signer = callSigner(secret, () => Math.floor(Date.now() / 1000))
  const asking = (async () => {
    while (!stop.signal.aborted) {
      const bundles = Array.from({ length: 7_000 / 250 }, () => bundleOf(250, priced))
      const ask = (body: Buffer) => {
        const proof = signer.call(bundleRoute.method, bundleRoute.path, body)
        const headers = { [callHeader]: proof, 'content-type': 'application/octet-stream' }
        return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) }).then(
          (answer) => answer.arrayBuffer(),
          // They are there to wait; what becomes of them is not looked at.
          () => undefined,
        )
      }
      await Promise.all(bundles.map(ask))
    }
  })()
  return async () => {
    stop.abort()
    await locking
    await asking
  }
}

function bundleOf(requests: number, isbn: string): Buffer {
  return encodeBundle(
    '/api/orders',
    Array.from({ length: requests }, () => {
      const key = crypto.randomUUID()
      const customer = { name: 'Ada Byron', email: `${key}@example.org` }
      // More than there are: nothing is sold of it.
      const body = Buffer.from(JSON.stringify({ customer, lines: [{ isbn, quantity: 20 }] }))
      return { id: key, headers: { 'content-type': 'application/json', 'idempotency-key': key }, body }
    }),
  )
}

async function payWithLostAnswer({ url, place, priced }: Victim): Promise<void> {
  const { id, token } = await place(priced)
  await fetch(`${url}/api/orders/${id}/payment`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ method: 'test', card: '4000000000000119' }),
  })
}

function pidsOf({ data }: Victim, name: string): number[] {
  const record = JSON.parse(readFileSync(join(data, 'run', 'supervisor.json'), 'utf8')) as RunRecord
  return record.children.filter((child) => child.name === name).map(({ process }) => process.pid)
}

function signal(pid: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has gone by itself, or was struck already.
  }
}
