import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from '../../src/services/warehouse/load/load.ts'
import { type LoadPoint, loadPoints } from '../../src/services/warehouse/load/loading.ts'
import { currentCut } from '../../src/services/warehouse/store/local-cut.ts'
import { partsFolder, partsOf, readManifest } from '../../src/services/warehouse/store/manifest.ts'
import { programEnvironment } from '../support/program-environment.ts'
import { until } from '../support/until.ts'
import { askWarehouse, buy, openShop, type Shop, shopSecret, traffic } from './shop.ts'

/** From here on what was loaded is the warehouse. */
const isPublished = (point: LoadPoint) => ['published', 'shown', 'swept'].includes(point)

test('a load that is killed at any point under traffic leaves a whole warehouse, and the next one goes on', async (t) => {
  const shop = await openShop(t, { copies: 100_000 })
  const first = await load(shop.loading)
  const stop = new AbortController()
  const sold = traffic(shop, 'kills', stop.signal, 2, 10)
  let sequence = first.sequence
  try {
    for (const point of loadPoints) {
      assert.equal(await dieAt(shop, point), 'SIGKILL', point)
      const manifest = await readManifest(shop.loading.objects)
      sequence += isPublished(point) ? 1 : 0
      assert.equal(manifest?.sequence, sequence, `after a death at ${point}`)
      assert.deepEqual(manifest?.disagreements, [], point)
      await cutIsWhole(shop)
    }
  } finally {
    stop.abort()
  }
  const placed = await sold
  await shop.engine.idle()
  const last = await load({ ...shop.loading, keepMs: 0 })
  assert.deepEqual([last.kind, last.disagreements, last.rows.orders], ['increment', [], placed])
  await equalsItsSources(shop)
  const named = partsOf((await currentCut(shop.root))?.manifest as never).map(({ key }) => key)
  assert.deepEqual(
    await shop.loading.objects.list(partsFolder),
    named.sort(),
    'nothing is left of those that died',
  )
})

test('negative control: a load that publishes before all its parts are stored leaves a warehouse that is not whole', async (t) => {
  const shop = await openShop(t)
  const { objects } = shop.loading
  await load({
    ...shop.loading,
    objects: {
      ...objects,
      put: async (key, ...rest) => (key.includes('/ledger/') ? undefined : await objects.put(key, ...rest)),
    },
  })
  await assert.rejects(cutIsWhole(shop), /no such object|is not whole/)
})

test('a load that is frozen loses its lock, and publishes nothing when it goes on', async (t) => {
  const shop = await openShop(t)
  await load(shop.loading)
  await buy(shop, 'a', shop.isbns[1] as string)
  const frozen = childAt(shop, 'parts-stored', 'SIGSTOP')
  t.after(() => frozen.kill('SIGKILL'))
  const ended = new Promise((resolve) => frozen.once('exit', (code) => resolve(code)))
  const { objects } = shop.loading
  const parts = (await objects.list(partsFolder)).length
  await until(async () => (await objects.list(partsFolder)).length > parts, 'it has stored parts', 60_000)
  await buy(shop, 'b', shop.isbns[1] as string)
  const next = await load({ ...shop.loading, keepMs: 0 })
  assert.deepEqual([next.sequence, next.rows.orders, next.disagreements], [2, 2, []])
  frozen.kill('SIGCONT')
  assert.notEqual(await ended, 0)
  assert.equal((await readManifest(objects))?.sequence, 2)
  await cutIsWhole(shop)
  assert.equal((await load(shop.loading)).kind, 'increment')
})

async function dieAt(shop: Shop, point: LoadPoint): Promise<NodeJS.Signals | null> {
  const child = childAt(shop, point)
  return await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
}

function childAt({ urls, root }: Shop, ...at: [LoadPoint, NodeJS.Signals?]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'dying-load.ts'), ...at.map(String)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...programEnvironment(),
      BOOK_DB: urls.bookDb,
      ORDER_DB: urls.orderDb,
      OBJECTS: urls.objects,
      SECRET: shopSecret,
      ROOT: root,
    },
  })
}

/** Everything that the manifest names is there; no order is there twice, and each has its movement of stock. */
async function cutIsWhole(shop: Shop): Promise<void> {
  const manifest = await readManifest(shop.loading.objects)
  for (const { key, bytes } of partsOf(manifest as NonNullable<typeof manifest>)) {
    const head = await shop.loading.objects.head(key)
    assert.equal(head?.bytes, bytes, `${key} is not whole`)
  }
  const [found] = await askWarehouse<Record<string, number>>(
    shop.root,
    `SELECT (SELECT count(*) - count(DISTINCT id) FROM orders)::INT AS orders_twice,
            (SELECT count(*) - count(DISTINCT id) FROM ledger)::INT AS movements_twice,
            (SELECT count(*) FROM orders WHERE transaction_id NOT IN
              (SELECT transaction_id FROM ledger WHERE transaction_id IS NOT NULL))::INT AS orders_without_movement,
            (SELECT count(DISTINCT transaction_id) FROM ledger WHERE movement = 'reserve' AND transaction_id NOT IN
              (SELECT transaction_id FROM orders))::INT AS movements_without_order`,
  )
  assert.deepEqual(found, {
    orders_twice: 0,
    movements_twice: 0,
    orders_without_movement: 0,
    movements_without_order: 0,
  })
}

/** Counts and sums, asked of the sources in their own SQL. */
async function equalsItsSources(shop: Shop): Promise<void> {
  const [orders] = await shop.orders.query<Record<string, number>>(
    `SELECT count(*)::int AS orders, sum(version)::int AS versions, sum((details::json -> 'total' ->> 'amount')::bigint)::int AS money,
            count(*) FILTER (WHERE status = 'confirmed')::int AS confirmed,
            (SELECT count(*)::int FROM orders.history) AS history, (SELECT count(*)::int FROM orders.vouchers) AS vouchers,
            (SELECT count(*)::int FROM orders.sagas) AS sagas FROM orders.orders`,
    [],
  )
  const own = await askWarehouse<Record<string, number>>(
    shop.root,
    `SELECT count(*)::INT AS orders, sum(version)::INT AS versions, sum(total)::INT AS money,
            count(*) FILTER (status = 'confirmed')::INT AS confirmed, (SELECT count(*)::INT FROM history) AS history,
            (SELECT count(*)::INT FROM vouchers) AS vouchers, (SELECT count(*)::INT FROM sagas) AS sagas FROM orders`,
  )
  assert.deepEqual(own, [orders])
  const { bookDb } = shop.loading
  const ledger = bookDb.dialect.name === 'postgres' ? 'catalog.ledger' : 'ledger'
  const sums = 'count(*) AS n, sum(held_delta) AS held, sum(sold_delta) AS sold, sum(copies_delta) AS copies'
  const [source] = await bookDb.query<Record<string, unknown>>(`SELECT ${sums} FROM ${ledger}`, [])
  const [kept] = await askWarehouse<Record<string, unknown>>(shop.root, `SELECT ${sums} FROM ledger`)
  const numbers = (row = {}) => Object.values(row).map(Number)
  assert.deepEqual(numbers(kept), numbers(source))
}
