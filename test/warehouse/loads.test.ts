import assert from 'node:assert/strict'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { LostFence, takeFence } from '#ports/lease'
import { ObjectStoreFull } from '#ports/object-store'
import { withCut } from '../../src/services/warehouse/load/cut.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import type { LoadPoint } from '../../src/services/warehouse/load/loading.ts'
import { currentCut, localPart, showCut } from '../../src/services/warehouse/store/local-cut.ts'
import { type Manifest, partsOf, publish, readManifest } from '../../src/services/warehouse/store/manifest.ts'
import { testDatabase } from '../support/database.ts'
import { mariadbSkipped, testMariadb } from '../support/mariadb.ts'
import { buy, cancel, confirm, openShop, type Shop, traffic } from './shop.ts'

for (const [kind, bookDb, skip] of [
  ['postgres', testDatabase, false],
  ['mariadb', testMariadb, mariadbSkipped],
] as const) {
  test(`${kind}: what is in both databases is in the warehouse, then what has changed`, {
    skip,
  }, async (t) => {
    const shop = await openShop(t, { bookDb })
    const [first = '', second = '', third = ''] = shop.isbns.slice(1)
    const [a, b] = [await buy(shop, 'a', first), await buy(shop, 'b', second)]
    const whole = await load(shop.loading)
    assert.equal(whole.kind, 'whole')
    assert.deepEqual(whole.disagreements, [])
    assert.equal(whole.rows.orders, 2)
    assert.equal(whole.rows.books, 20)

    await confirm(shop, a as string, first)
    await cancel(shop, b as string, second)
    await buy(shop, 'c', third)
    await shop.engine.submit({ kind: 'set-copies', isbn: first, copies: 7, reason: 'counted' })
    await shop.books.books.change(async (changes) => {
      const gone = await changes.lockWithStock(shop.isbns[19] as string)
      if (gone !== undefined) await changes.remove(gone)
    })
    const increment = await load(shop.loading)
    assert.equal(increment.kind, 'increment')
    assert.deepEqual(increment.disagreements, [])
    assert.deepEqual([increment.read.orders, increment.rows.orders], [3, 3])
    assert.equal(increment.rows.books, 19, 'a deleted book is gone')
    assert.equal(increment.rows.book_history, 20, 'and known to have been')
    assert.deepEqual(await shop.ask(`SELECT status, payment, total::INT AS total FROM orders ORDER BY id`), [
      { status: 'confirmed', payment: 'captured', total: 1001 },
      { status: 'cancelled', payment: null, total: 1002 },
      { status: 'reserved', payment: null, total: 1003 },
    ])
    assert.deepEqual(await shop.ask(`SELECT copies, held, sold FROM stock WHERE isbn = '${first}'`), [
      { copies: 7, held: 0, sold: 1 },
    ])
    assert.deepEqual(await shop.ask('SELECT version, status FROM history ORDER BY order_id, version'), [
      { version: 2, status: 'paid' },
      { version: 3, status: 'confirmed' },
      { version: 2, status: 'cancelled' },
    ])
    const today = new Date().toISOString().slice(0, 10)
    await shop.books.misses.add(today, new Map([['moby dick', 2]]))
    await shop.books.misses.add(today, new Map([['moby dick', 1]]))
    const nothing = await load(shop.loading)
    assert.deepEqual(await shop.ask('SELECT words, times FROM searches'), [{ words: 'moby dick', times: 3 }])
    assert.deepEqual([nothing.read.orders, nothing.read.ledger, nothing.sequence], [0, 0, 3])
  })

  test(`${kind}: loads under traffic agree with both databases at their cuts`, { skip }, async (t) => {
    const shop = await openShop(t, { bookDb })
    const stop = new AbortController()
    const sold = traffic(shop, 'under', stop.signal, 4, 10)
    const kinds: string[] = []
    try {
      for (let i = 0; i < 6; i++) kinds.push((await load(shop.loading)).kind)
    } finally {
      stop.abort()
    }
    const placed = await sold
    assert.deepEqual(kinds.slice(1), ['increment', 'increment', 'increment', 'increment', 'increment'])
    await shop.engine.idle()
    const last = await load(shop.loading)
    assert.ok(placed > 50, `${placed} orders were placed`)
    assert.equal(last.kind, 'increment', 'no increment had to be made good by reading everything')
    assert.equal(last.rows.orders, placed)
    assert.equal((await load({ ...shop.loading, whole: true })).rows.ledger, last.rows.ledger)
  })
}

test('negative control: a cut that takes everything from BookDb does not agree', async (t) => {
  const shop = await openShop(t)
  const stop = new AbortController()
  const sold = traffic(shop, 'control', stop.signal, 32)
  const found: string[] = []
  try {
    for (let i = 0; i < 20 && found.length === 0; i++) {
      const loaded = await load({
        ...shop.loading,
        whole: true,
        openCut: (orders, books, clock, work) =>
          withCut(orders, books, clock, (cut) => work({ ...cut, undecided: async () => new Set() })),
      })
      found.push(...loaded.disagreements)
    }
  } finally {
    stop.abort()
  }
  await sold
  assert.match(found.join('\n'), /stock has/)
})

test('nothing personal and no secret is in the files', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  await confirm(shop, (await buy(shop, 'somebody', isbn)) as string, isbn)
  await load(shop.loading)
  const columns = 'orders, lines, vouchers, history'.split(', ')
  for (const table of columns) {
    const text = JSON.stringify(await shop.ask(`SELECT * FROM ${table}`))
    assert.doesNotMatch(text, /somebody|Ada|example\.org/, table)
  }
  const [code] = await shop.orders.query<{ code: string }>('SELECT code FROM orders.vouchers', [])
  assert.doesNotMatch(
    JSON.stringify(await shop.ask('SELECT voucher FROM vouchers')),
    new RegExp(code?.code ?? ''),
  )
})

test('a database that was put back to an earlier state has everything loaded again', async (t) => {
  const shop = await openShop(t)
  await buy(shop, 'a', shop.isbns[1] as string)
  await load(shop.loading)
  await shop.orders.execute(`UPDATE orders.marks SET at = at - interval '1 hour'`)
  assert.equal((await load(shop.loading)).kind, 'whole')
  assert.equal((await load(shop.loading)).kind, 'increment')
})

test('a row that was changed behind the back of every note has everything loaded again', async (t) => {
  const shop = await openShop(t)
  await buy(shop, 'a', shop.isbns[1] as string)
  await load(shop.loading)
  await forgetTheLast(shop)
  await shop.orders.execute(`UPDATE orders.orders SET version = version + 1`)
  const loaded = await load(shop.loading)
  assert.deepEqual([loaded.kind, loaded.disagreements], ['whole', []])
})

test('when the secret is changed, so are pseudonyms, and everything is loaded again', async (t) => {
  const shop = await openShop(t)
  await buy(shop, 'a', shop.isbns[1] as string)
  const kinds = []
  for (const secret of ['old', 'old\nnew', 'new\nold', 'new'])
    kinds.push((await load({ ...shop.loading, secret })).kind)
  assert.deepEqual(kinds, ['whole', 'increment', 'whole', 'increment'])
})

test('an increment has every row as a whole load has it, moments to the microsecond', async (t) => {
  const shop = await openShop(t)
  const [free = '', isbn = ''] = shop.isbns
  await load(shop.loading)
  await buy(shop, 'free', free)
  await confirm(shop, (await buy(shop, 'paid', isbn)) as string, isbn)
  await shop.orders.execute(
    `INSERT INTO orders.saga_journal (saga_id, step, event) SELECT id, 'draw-voucher', 'ran' FROM orders.sagas`,
  )
  const tables = 'orders lines history vouchers sagas saga_journal ledger stock'.split(' ')
  const all = () =>
    Promise.all(tables.map((table) => shop.ask<unknown>(`SELECT '${table}', * FROM ${table} ORDER BY ALL`)))
  assert.equal((await load(shop.loading)).kind, 'increment')
  const increment = await all()
  assert.ok(increment.every((rows) => rows.length > 0))
  await load({ ...shop.loading, whole: true })
  assert.deepEqual(increment, await all())
})

test('who has lost the turn publishes nothing', async (t) => {
  const shop = await openShop(t)
  const fence = await takeFence(shop.orders, 'orders', 'warehouse', 'first')
  await load({ ...shop.loading, fence })
  const before = await readManifest(shop.loading.objects)
  // The next one's turn begins when all of the load is done but the last step.
  const onPoint = async (point: LoadPoint) => {
    if (point === 'parts-stored') await takeFence(shop.orders, 'orders', 'warehouse', 'second')
  }
  await buy(shop, 'b', shop.isbns[1] as string)
  await assert.rejects(load({ ...shop.loading, fence, onPoint }), LostFence)
  assert.deepEqual(await readManifest(shop.loading.objects), before)
})

test('files of the warehouse that are damaged, or gone from here or everywhere, are made good', async (t) => {
  const shop = await openShop(t)
  const { objects, root } = shop.loading
  const isbn = shop.isbns[1] as string
  await buy(shop, 'a', isbn)
  await load(shop.loading)
  const parts = async () => Object.values((await readManifest(objects))?.tables.orders ?? {})
  const again = async (key: string) => {
    await buy(shop, key, isbn)
    const { kind, rows, disagreements } = await load(shop.loading)
    return [kind, rows.orders, disagreements]
  }
  await rm(root, { recursive: true })
  assert.deepEqual(await again('b'), ['increment', 2, []], 'gone from here')
  for (const part of await parts()) await truncate(localPart(root, part), 10)
  assert.deepEqual(await again('c'), ['increment', 3, []], 'cut short here')
  for (const part of await parts()) await writeFile(localPart(root, part), Buffer.alloc(part.bytes, 7))
  assert.deepEqual(await again('d'), ['increment', 4, []], 'nonsense of the right length')
  for (const part of await parts()) await flip(localPart(root, part), 20)
  assert.deepEqual(await again('bytes'), ['increment', 5, []], 'a few bytes changed here')
  for (const part of await parts()) {
    const object = await objects.get(part.key)
    const body = Buffer.from(object?.body ?? [])
    body[20] = (body[20] ?? 0) ^ 0xff
    await objects.put(part.key, body, 'application/vnd.apache.parquet')
    await rm(localPart(root, part))
  }
  assert.deepEqual(await again('everywhere'), ['whole', 6, []], 'a few bytes changed everywhere')
  for (const part of await parts()) {
    await objects.delete(part.key)
    await rm(localPart(root, part))
  }
  assert.deepEqual(await again('e'), ['whole', 7, []], 'gone everywhere')
})

test('objects that somebody took away are stored again from here', async (t) => {
  const shop = await openShop(t)
  const { objects } = shop.loading
  // A part that no load writes anew meanwhile.
  await shop.books.misses.add('2026-10-30', new Map([['moby dick', 1]]))
  await load(shop.loading)
  const keys = async () =>
    partsOf((await readManifest(objects)) as Manifest).filter(({ key }) => key.includes('/searches/'))
  const [part] = await keys()
  await objects.delete(part?.key ?? '')
  await buy(shop, 'a', shop.isbns[1] as string)
  assert.equal((await load(shop.loading)).kind, 'increment')
  assert.deepEqual(await keys(), [part])
  assert.equal((await objects.head(part?.key ?? ''))?.bytes, part?.bytes)
})

test('an object store that is full is no reason to load everything again', async (t) => {
  const shop = await openShop(t)
  await load(shop.loading)
  await buy(shop, 'a', shop.isbns[1] as string)
  const { objects } = shop.loading
  const put: typeof objects.put = async (key) => {
    throw new ObjectStoreFull(`no room to store ${key} (ENOSPC)`)
  }
  const cuts: string[] = []
  const onPoint = async (point: LoadPoint) => {
    if (point === 'cut') cuts.push(point)
  }
  await assert.rejects(load({ ...shop.loading, objects: { ...objects, put }, onPoint }), ObjectStoreFull)
  assert.equal(cuts.length, 1)
  assert.equal((await load(shop.loading)).kind, 'increment')
})

test('what says which cut is shown here is made good when it is damaged', async (t) => {
  const shop = await openShop(t)
  const { objects, root } = shop.loading
  await load(shop.loading)
  await truncate(join(root, 'current', 'manifest.json'), 10)
  assert.equal(await currentCut(root), undefined)
  const manifest = await readManifest(objects)
  assert.ok(manifest)
  // Two processes at once, as the service beside a command.
  const shown = await Promise.all([showCut(root, objects, manifest), showCut(root, objects, manifest)])
  for (const { folder } of shown) assert.ok((await readdir(folder)).length > 1)
  assert.equal((await currentCut(root))?.sequence, 1)
})

test('tables of other columns are loaded again whole', async (t) => {
  const shop = await openShop(t)
  await load(shop.loading)
  const manifest = await readManifest(shop.loading.objects)
  assert.ok(manifest)
  await publish(shop.loading.objects, { ...manifest, shape: 'another' })
  assert.equal((await load(shop.loading)).kind, 'whole')
  assert.equal((await load(shop.loading)).kind, 'increment')
})

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] ?? 0) ^ 0xff
  await writeFile(path, bytes)
}

/** Makes orders old enough that only their history would tell of a change. */
async function forgetTheLast(shop: Shop): Promise<void> {
  await shop.orders.execute(`UPDATE orders.orders SET id = ('01900000' || substr(id::text, 9))::uuid`)
  await load({ ...shop.loading, whole: true })
}
