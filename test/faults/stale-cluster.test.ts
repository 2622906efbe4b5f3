import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Agent, request } from 'undici'
import { testServers } from '../support/database.ts'
import { startEdge } from '../support/edge.ts'
import {
  openProcessCluster,
  type ProcessCluster,
  type SharedParts,
  sharedParts,
} from '../support/process-cluster.ts'
import { until } from '../support/until.ts'
import { placeOrder, type Wanted } from './clients.ts'
import { addTitles } from './titles.ts'

const orders = 40
type Opened = { cluster: ProcessCluster; shared: SharedParts }

test('a cluster that slept through a move of the databases, its own primary still writable, takes no order', {
  timeout: 280_000,
}, async (t) => {
  const [books, orderDb] = await testServers(t)
  assert.ok(books && orderDb)
  // Two clusters, each with databases of its own: as they are when one was promoted while the other was away.
  const open = async (name: string) => {
    await Promise.all([books.ensureDatabase(`books_${name}`), orderDb.ensureDatabase(`orders_${name}`)])
    const shared = sharedParts(
      t,
      books.url(`books_${name}`),
      orderDb.url(`orders_${name}`),
      'one secret for both',
    )
    const cluster = await openProcessCluster(t, name, shared)
    const epochPath = join(shared.folder, 'epoch')
    return { cluster, shared, epochPath, url: `file://${epochPath}` }
  }
  const [home, stale] = [await open('home'), await open('stale')]
  writeFileSync(home.epochPath, '2')
  writeFileSync(stale.epochPath, '1')
  await home.cluster.start({ OCTAVO_FLEET_EPOCH: home.url })
  await stale.cluster.start()
  const isbns: string[] = []
  for (const { cluster, shared } of [home, stale])
    isbns.push(...(await addTitles({ url: cluster.url, staff: shared.staff }, [100_000])))
  const [isbn = ''] = isbns

  await t.test('negative control: without the check what it takes is lost to everybody else', async (t) => {
    const { lost } = await order(t, home, stale.cluster, isbn)
    t.diagnostic(`${lost} of ${orders} orders are where nobody looks`)
    assert.ok(lost > 0, 'the checker finds the loss')
  })

  await t.test('with it the edge sends them elsewhere, once, and none is lost', async (t) => {
    await stale.cluster.stop()
    await stale.cluster.start({ OCTAVO_FLEET_EPOCH: stale.url })
    const ready = await request(`${stale.cluster.url}/readyz`)
    assert.equal(((await ready.body.json()) as { epoch: number }).epoch, 1)
    const { lost, edge } = await order(t, home, stale.cluster, isbn)
    const { behind, rerouted, failed } = await edge.cluster('stale')
    t.diagnostic(`${lost} lost; ${behind} were refused by it and went elsewhere`)
    assert.deepEqual([lost, failed], [0, 0])
    assert.equal(rerouted, behind)
    const { statusCode, body } = await request(`${stale.cluster.url}/api/books/${isbn}`)
    await body.dump()
    assert.equal(statusCode, 200, 'it is read from as before')
  })
})

/** Has orders placed at a new edge, and looks where they are: those that are not at home are lost. */
async function order(t: TestContext, { cluster: home, shared }: Opened, stale: ProcessCluster, isbn: string) {
  const path = join(shared.folder, `fleet-${randomUUID()}.json`)
  const clusters = [home, stale].map(({ name, url }) => ({ name, url, weight: 100, takesWrites: true }))
  writeFileSync(path, JSON.stringify({ revision: 1, epoch: 2, clusters }))
  const edge = await startEdge(t, `file://${path}`)
  await until(async () => (await edge.state()).revision === 1)
  const agent = new Agent()
  const all = Array.from({ length: orders }, (): Wanted => {
    const lines = [{ isbn, quantity: 1 }]
    return { key: randomUUID(), lines, attempts: [], told: [], token: undefined, afterwards: 'nothing' }
  })
  await Promise.all(all.map((wanted) => placeOrder(edge.url, agent, wanted, () => 1)))
  let lost = 0
  for (const { told, token } of all) {
    const headers = { authorization: `Bearer ${token}` }
    const { statusCode, body } = await request(`${home.url}/api/orders/${told[0]}`, { headers })
    await body.dump()
    if (statusCode !== 200) lost++
  }
  await agent.close()
  return { lost, edge }
}
