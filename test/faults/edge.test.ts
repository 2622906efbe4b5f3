import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { followOrder, startLoad } from '../clusters/load.ts'
import { startEdge } from '../support/edge.ts'
import { openProcessCluster, openSharedParts } from '../support/process-cluster.ts'
import { until } from '../support/until.ts'
import { placeOrder, type Wanted } from './clients.ts'
import { checkHistory } from './history.ts'
import { addTitles } from './titles.ts'

/** Traffic is off a lost cluster within three seconds; the rest is for a busy machine. */
const offLimitMs = 3_000 + 2_000
const titlesHeldMs = 15_000

test('two clusters behind an edge, of which one is drained, frozen and killed', {
  timeout: 280_000,
}, async (t) => {
  const shared = await openSharedParts(t)
  const a = await openProcessCluster(t, 'a', shared)
  const b = await openProcessCluster(t, 'b', shared)
  await a.start()
  await b.start()
  const path = join(shared.folder, 'fleet.json')
  let revision = 0
  const weigh = (weights: Record<string, number>) => {
    const clusters = [a, b].map(({ name, url }) => ({
      ...{ name, url, takesWrites: true },
      weight: weights[name],
    }))
    writeFileSync(`${path}.new`, JSON.stringify({ revision: ++revision, epoch: 1, clusters }))
    renameSync(`${path}.new`, path)
  }
  weigh({ a: 100, b: 100 })
  const edge = await startEdge(t, `file://${path}`)
  await until(async () => (await edge.state()).revision === 1)
  const isbns = await addTitles({ url: edge.url, staff: shared.staff }, [1_000_000, 1_000_000, 60])
  const { clients, during } = startLoad({ url: edge.url, isbns, count: 5, pauseMs: 100 })
  const serves = (name: string) =>
    until(async () => {
      const { isUp, requests } = await edge.cluster(name)
      await sleep(200)
      return isUp && (await edge.cluster(name)).requests > requests
    }, `${name} gets requests`)
  await serves('a')
  await serves('b')

  await t.test(
    'drained, stopped and started again: no order fails, and a reader’s page goes on',
    async (t) => {
      const wanted = await orderFrom(edge.url, isbns)
      await using page = followOrder(edge.url, wanted.told[0] ?? '', wanted.token ?? '')
      await until(() => page.status() !== '')
      const seen = await during(async () => {
        weigh({ a: 0, b: 100 })
        await until(async () => {
          const { weight, inFlight, streams } = await edge.cluster('a')
          return weight === 0 && inFlight === 0 && streams === 0
        }, 'a is drained')
        await a.stop()
        await a.start()
        weigh({ a: 100, b: 100 })
        await serves('a')
      })
      t.diagnostic(
        `${seen.orders} orders, ${seen.failed} failed ${JSON.stringify(seen.reasons)}; the page connected again ${page.reconnects()} times`,
      )
      assert.ok(seen.orders > 10)
      assert.equal(seen.failed, 0)
    },
  )

  await t.test('frozen: nothing is sent to it within three seconds, and it comes back', async (t) => {
    const before = await edge.cluster('a')
    const atMs = performance.now()
    a.freeze()
    await until(async () => !(await edge.cluster('a')).isUp, 'a is found down')
    const offMs = performance.now() - atMs
    const { requests } = await edge.cluster('a')
    const seen = await during(() => sleep(3_000))
    const after = await edge.cluster('a')
    t.diagnostic(
      `off after ${Math.round(offMs)} ms; ${after.rerouted - before.rerouted} went elsewhere; ${seen.orders} orders, ${seen.failed} failed meanwhile`,
    )
    assert.ok(offMs < offLimitMs)
    assert.equal(after.requests, requests, 'nothing was sent to it')
    // What froze in the middle of a transaction holds its titles until their database ends that.
    const { orders } = seen.orders > 0 ? seen : await during(() => sleep(titlesHeldMs))
    assert.ok(orders > 0, 'the shop went on selling')
    a.thaw()
    await serves('a')
  })

  await t.test('killed: the same, and no order is lost or doubled in all of it', async (t) => {
    const before = await edge.cluster('b')
    const atMs = performance.now()
    await b.kill()
    await until(async () => !(await edge.cluster('b')).isUp, 'b is found down')
    const offMs = performance.now() - atMs
    await during(() => sleep(1_000))
    await b.start()
    await serves('b')
    t.diagnostic(
      `off after ${Math.round(offMs)} ms; ${(await edge.cluster('b')).rerouted - before.rerouted} went elsewhere`,
    )
    assert.ok(offMs < offLimitMs)
    await clients.finish()
    const verdict = await checkHistory(clients.history, shared.secrets)
    t.diagnostic(`${verdict.acknowledged} orders acknowledged, ${verdict.refused} refused`)
    assert.ok(verdict.acknowledged > 50)
    assert.deepEqual([...verdict.lost, ...verdict.wrong, ...verdict.findings], [])
  })
})

async function orderFrom(url: string, isbns: readonly string[]): Promise<Wanted> {
  const agent = new Agent()
  const wanted: Wanted = {
    ...{ key: `edge-${crypto.randomUUID()}`, lines: [{ isbn: isbns[0] ?? '', quantity: 1 }] },
    ...{ attempts: [], told: [], token: undefined, afterwards: 'nothing' },
  }
  await placeOrder(url, agent, wanted, () => 1)
  await agent.close()
  return wanted
}
