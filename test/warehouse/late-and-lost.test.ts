import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ObjectStoreUnavailable } from '#ports/object-store'
import { completed } from '../../src/services/catalog/books/book-fields.ts'
import { entryOf } from '../../src/services/catalog/search/book-keys.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import { currentCut } from '../../src/services/warehouse/store/local-cut.ts'
import { type Manifest, publish, readManifest } from '../../src/services/warehouse/store/manifest.ts'
import { buy, confirm, openShop } from './shop.ts'

test('what a saga undoes of an old order is loaded, though no history tells of it', async (t) => {
  const shop = await openShop(t)
  const isbn = shop.isbns[1] as string
  const id = (await buy(shop, 'a', isbn)) as string
  await confirm(shop, id, isbn)
  await shop.orders.execute('ALTER TABLE orders.vouchers DROP CONSTRAINT vouchers_order_id_fkey')
  await shop.orders.execute(
    `INSERT INTO orders.sagas (id, order_id, definition) SELECT gen_random_uuid(), ('01900000' || substr(id::text, 9))::uuid, 'paid-order'
       FROM orders.orders`,
  )
  for (const [table, column] of [
    ['vouchers', 'order_id'],
    ['history', 'order_id'],
    ['orders', 'id'],
  ])
    await shop.orders.execute(
      `UPDATE orders.${table} SET ${column} = ('01900000' || substr(${column}::text, 9))::uuid`,
    )
  await load({ ...shop.loading, whole: true })
  await shop.orders.transaction(async (tx) => {
    await tx.execute(`UPDATE orders.orders SET payment = '{"status": "refunded"}', payment_key = NULL`)
    await tx.execute(`UPDATE orders.vouchers SET status = 'revoked', revoked_at = now()`)
    await tx.execute(`UPDATE orders.sagas SET state = 'compensating', updated_at = now()`)
  })
  assert.equal((await load(shop.loading)).kind, 'increment')
  assert.deepEqual(await shop.ask('SELECT payment, (SELECT status FROM vouchers) AS voucher FROM orders'), [
    { payment: 'refunded', voucher: 'revoked' },
  ])
})

test('books that were changed after BookDb’s clock was put back are loaded', async (t) => {
  const shop = await openShop(t)
  const { objects } = shop.loading
  const [isbn = ''] = shop.isbns
  await load(shop.loading)
  const manifest = (await readManifest(objects)) as Manifest
  const books = { atMs: manifest.cursors.books.atMs + 3_600_000 }
  await publish(objects, { ...manifest, cursors: { ...manifest.cursors, books } })
  await shop.books.books.change(async (changes) => {
    const gone = await changes.lockWithStock(isbn)
    if (gone !== undefined) await changes.remove(gone)
    const book = {
      ...entryOf(isbn, completed({ title: 'Another title', price: null })),
      copies: 0,
      reason: null,
    }
    await changes.add([book])
  })
  assert.equal((await load(shop.loading)).kind, 'increment')
  assert.deepEqual(await shop.ask(`SELECT title FROM books WHERE isbn = '${isbn}'`), [
    { title: 'Another title' },
  ])
})

test('what a store is told to publish and does only after the next load has published changes nothing', async (t) => {
  const shop = await openShop(t)
  const { objects } = shop.loading
  const isbn = shop.isbns[1] as string
  const orders = async () => {
    const manifest = (await readManifest(objects)) as Manifest
    return Object.values(manifest.tables.orders).reduce((sum, { rows }) => sum + rows, 0)
  }
  await load(shop.loading)
  const late: (() => Promise<void>)[] = []
  const put: typeof objects.put = async (key, ...rest) => {
    if (!key.startsWith('warehouse/manifest')) return await objects.put(key, ...rest)
    late.push(() => objects.put(key, ...rest))
    throw new ObjectStoreUnavailable('the object store does not answer')
  }
  await buy(shop, 'a', isbn)
  await assert.rejects(load({ ...shop.loading, objects: { ...objects, put } }), ObjectStoreUnavailable)
  await buy(shop, 'b', isbn)
  assert.equal((await load(shop.loading)).rows.orders, 2)
  for (const each of late) await each()
  assert.equal(await orders(), 2, 'the one of the same number')
  await buy(shop, 'c', isbn)
  await load(shop.loading)
  for (const each of late) await each()
  assert.equal(await orders(), 3, 'and one of a lower number')
  const last = await load(shop.loading)
  assert.deepEqual([last.kind, last.rows.orders, last.disagreements], ['increment', 3, []])
  assert.equal((await objects.list('warehouse/manifest')).length, 2, 'none is left of those')
})

test('one manifest for all, as earlier programs published it, is gone on from', async (t) => {
  const shop = await openShop(t)
  const { objects } = shop.loading
  await buy(shop, 'a', shop.isbns[1] as string)
  await load(shop.loading)
  const [key = ''] = await objects.list('warehouse/manifests/')
  const body = (await objects.get(key))?.body ?? new Uint8Array()
  await objects.put('warehouse/manifest.json', body, 'application/json')
  await objects.delete(key)
  assert.equal((await readManifest(objects))?.sequence, 1)
  const next = await load(shop.loading)
  assert.deepEqual([next.kind, next.sequence, next.rows.orders], ['increment', 2, 1])
  assert.equal(await objects.head('warehouse/manifest.json'), undefined)
})

test('a manifest that cannot be read is passed over, and the one before it gone on from', async (t) => {
  const shop = await openShop(t)
  const { objects } = shop.loading
  await load(shop.loading)
  for (const [i, body] of ['{"format"', ''].entries()) {
    await buy(shop, `order ${i}`, shop.isbns[1] as string)
    await load({ ...shop.loading, keepMs: 0 })
    const last = (await objects.list('warehouse/manifests/')).at(-1) ?? ''
    await objects.put(last, Buffer.from(body), 'application/json')
    const next = await load({ ...shop.loading, keepMs: 0 })
    assert.deepEqual([next.rows.orders, next.disagreements], [i + 1, []])
    assert.equal((await readManifest(objects))?.loadedAt, (await currentCut(shop.root))?.manifest.loadedAt)
  }
})
