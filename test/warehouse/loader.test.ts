import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#ports/clock'
import type { Turns } from '#ports/lease'
import { openObjectStore } from '#ports/object-store'
import { type Loader, startLoader } from '../../src/services/warehouse/engine/loader.ts'
import { currentCut } from '../../src/services/warehouse/store/local-cut.ts'
import type { TestScope } from '../support/database.ts'
import { until } from '../support/until.ts'
import { openShop, type Shop, shopSecret } from './shop.ts'

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

async function start(t: TestScope, shop: Shop, orderDb: string): Promise<Loader> {
  const { bookDb, objects: objectStore } = shop.urls
  const objects = await openObjectStore(objectStore, { secret: shopSecret })
  const secrets = { bookDb, orderDb, objectStore, secret: shopSecret }
  const parts = { secrets, root: shop.root, objects, turns: noTurns, clock, everyMs: 0 }
  const loader = startLoader(parts)
  t.after(() => loader[Symbol.asyncDispose]())
  return loader
}
