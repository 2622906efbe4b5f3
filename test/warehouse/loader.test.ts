import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#ports/clock'
import { type Turns, takeFence } from '#ports/lease'
import { openObjectStore } from '#ports/object-store'
import { type Loader, type LoaderParts, startLoader } from '../../src/services/warehouse/engine/loader.ts'
import { load } from '../../src/services/warehouse/load/load.ts'
import { readReport, reportNamed } from '../../src/services/warehouse/service.ts'
import { currentCut, showCut } from '../../src/services/warehouse/store/local-cut.ts'
import { readManifest } from '../../src/services/warehouse/store/manifest.ts'
import type { TestScope } from '../support/database.ts'
import { until } from '../support/until.ts'
import { buy, openShop, type Shop, shopSecret } from './shop.ts'

/** Rounds come a hundred times as fast. */
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal),
}
/** Nobody has a turn: loads are those that are asked for. */
const noTurns: Turns = {
  take: () => ({ async [Symbol.asyncDispose]() {} }),
  async [Symbol.asyncDispose]() {},
}

const sequenceAt = async ({ root }: Shop) => (await currentCut(root))?.sequence

test('a load that fails says why until one does not, and another can be asked for at once', async (t) => {
  const shop = await openShop(t)
  const nowhere = 'postgres://octavo@127.0.0.1:1/octavo'
  const failing = await start(t, shop, nowhere)
  failing.loadNow()
  assert.equal(failing.state().isLoading, true)
  await until(() => failing.state().failed !== undefined, 'the failure is told')
  assert.match(failing.state().failed?.problem ?? '', /\S/)
  assert.equal(failing.state().isLoading, false)
  const loading = await start(t, shop, shop.urls.orderDb)
  loading.loadNow()
  await until(async () => (await sequenceAt(shop)) === 1, 'it is loaded')
  await until(() => failing.state().failed === undefined, 'what another one has loaded is shown here')
})

test('an object store that is away is told of until it is back, and then loads go on', async (t) => {
  const shop = await openShop(t)
  const loader = await start(t, shop, shop.urls.orderDb)
  loader.loadNow()
  await until(async () => (await sequenceAt(shop)) === 1, 'it is loaded')
  const folder = fileURLToPath(shop.urls.objects)
  // A file where its folder was: as good as a server that does not answer.
  await rename(folder, `${folder}.away`)
  await writeFile(folder, '')
  await until(() => loader.state().failed !== undefined, 'it is told that it is away')
  loader.loadNow()
  await until(() => !loader.state().isLoading, 'a load is tried')
  assert.ok(loader.state().failed)
  await rm(folder)
  await rename(`${folder}.away`, folder)
  loader.loadNow()
  await until(async () => (await sequenceAt(shop)) === 2, 'the next load goes on')
  await until(() => loader.state().failed === undefined, 'and nothing is told any more')
})

test('a report is read from the last load known here where the object store is away, and says so', async (t) => {
  const shop = await openShop(t)
  await load(shop.loading)
  const nowhere = 's3://key:secret@127.0.0.1:1/bucket?tls=off'
  const secrets = { objectStore: nowhere, secret: shopSecret }
  const stock = reportNamed('stock')
  assert.ok(stock)
  const read = (root: string) => readReport(stock, { timeZone: 'UTC' }, 'json', { root, secrets })
  const { answered, asOf, away } = await read(shop.root)
  assert.equal(answered.kind === 'rows' && answered.rows.length, 20)
  assert.equal(asOf, (await currentCut(shop.root))?.manifest.cutAt)
  assert.match(away ?? '', /cannot be reached/)
  await assert.rejects(read(`${shop.root}-nowhere`), /cannot be reached/)
})

test('an object store that begins anew, or was put back, is what is shown, whatever its numbers', async (t) => {
  const shop = await openShop(t)
  await load(shop.loading)
  const objects = await openObjectStore(`${shop.urls.objects}-other`, { secret: shopSecret })
  await buy(shop, 'a', shop.isbns[1] as string)
  const other = await load({ ...shop.loading, objects, root: `${shop.root}-other` })
  assert.equal(other.sequence, 1)
  const manifest = await readManifest(objects)
  assert.ok(manifest)
  await showCut(shop.root, objects, manifest)
  assert.deepEqual(await shop.ask('SELECT count(*)::INT AS n FROM orders'), [{ n: 1 }])
})

test('loads go on at their interval where the databases’ clock is ahead', async (t) => {
  const shop = await openShop(t)
  const behind = { ...clock, now: () => systemClock.now() - 3_600_000 }
  const lost = new AbortController().signal
  const turns: Turns = {
    ...noTurns,
    take(name, work) {
      void takeFence(shop.orders, 'orders', name, 'this one').then((fence) => work(fence, lost))
      return { async [Symbol.asyncDispose]() {} }
    },
  }
  await start(t, shop, shop.urls.orderDb, { turns, clock: behind, everyMs: 1_000 })
  await until(async () => ((await sequenceAt(shop)) ?? 0) >= 2, 'it is loaded a second time', 60_000)
})

async function start(
  t: TestScope,
  shop: Shop,
  orderDb: string,
  own: Partial<LoaderParts> = {},
): Promise<Loader> {
  const { bookDb, objects: objectStore } = shop.urls
  const objects = await openObjectStore(objectStore, { secret: shopSecret })
  const secrets = { bookDb, orderDb, objectStore, secret: shopSecret }
  const parts = { secrets, root: shop.root, objects, turns: noTurns, clock, everyMs: 0, ...own }
  const loader = startLoader(parts)
  t.after(() => loader[Symbol.asyncDispose]())
  return loader
}
