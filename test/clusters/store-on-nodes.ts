import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { checkHistory } from '../faults/history.ts'
import { addTitles } from '../faults/titles.ts'
import type { TestScope } from '../support/database.ts'
import { type ClusterStore, installStore, storeImages, storeNamespace, untilLong } from './install-store.ts'
import { type Seen, startLoad } from './load.ts'
import { nextVersion } from './next-version.ts'
import type { RunningContainer } from './node/run-container.ts'
import { startNode, type TestNode } from './node/start-node.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'
import { startServiceProxy } from './service-proxy.ts'

export type StoreOnNodes = {
  cluster: TestCluster
  store: ClusterStore
  nodes: readonly TestNode[]
  processesOf(role: string): RunningContainer[]
}

/** The whole store, installed by its chart on three nodes that run its pods for real: `1.0.0`, and there is a `1.1.0`. */
export async function openStoreOnNodes(
  scope: TestScope,
  settings: readonly string[] = [],
): Promise<StoreOnNodes> {
  const cluster = await openCluster(scope, { nodeGraceSeconds: 25, evictionSeconds: 2 })
  const images = storeImages(['1.0.0'], { '1.1.0': await nextVersion(join(cluster.folder, 'next')) })
  const nodes: TestNode[] = []
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    const node = await startNode({
      ...{ controlPlane: cluster.controlPlane, name, zone: `zone-${name}` },
      ...{ addresses: `10.244.${index + 1}`, folder: join(cluster.folder, name), images },
    })
    scope.after(() => node[Symbol.asyncDispose]())
    nodes.push(node)
  }
  const proxy = await startServiceProxy(cluster.controlPlane)
  scope.after(() => proxy[Symbol.asyncDispose]())
  const each = ['everyRole.replicas=2', 'everyRole.drainSeconds=2', ...settings]
  const store = await installStore(scope, cluster, each)
  const processesOf = (role: string) =>
    nodes.flatMap((node) => node.processes({ 'app.kubernetes.io/component': role }))
  return { cluster, store, nodes, processesOf }
}

export type Story = {
  isbns: readonly string[]
  /** The roles are not as they should be. */
  missed(): Promise<void>
  settled(): Promise<void>
  /** Does something to the store, waits until it is settled, and says what readers saw meanwhile. */
  part(name: string, work: () => Promise<void>): Promise<Seen>
  /** The same, and no order failed more than once. */
  gentlePart(name: string, work: () => Promise<void>): Promise<void>
  /** No order was lost or doubled, and every one was answered. */
  end(): Promise<void>
}

/** Readers who order all the while, and hold against the databases what they were told. */
export async function beginStory(t: TestContext, { store }: StoreOnNodes): Promise<Story> {
  const isbns = await addTitles(store, [4_000, 3_000, 2_000, 60], 100)
  const load = startLoad({ url: store.url, isbns, count: 6, pauseMs: 40 })
  t.after(() => load.clients.giveUp())
  const settled = () => untilLong(store.rolledOut, store.describe)
  const part = async (name: string, work: () => Promise<void>) => {
    const seen = await load.during(async () => {
      await work()
      await settled()
    })
    console.log(`  ${name}: ${JSON.stringify(seen)}`)
    assert.ok(seen.orders > 0, `${name}: nothing was sold`)
    return seen
  }
  return {
    ...{ isbns, settled, part },
    missed: () => untilLong(async () => !(await store.rolledOut()), store.describe),
    async gentlePart(name, work) {
      const { failedMost, worst } = await part(name, work)
      assert.ok(failedMost <= 1, `${name}: an order failed ${failedMost} times: ${worst.join('; ')}`)
    },
    async end() {
      await load.clients.finish()
      const verdict = await checkHistory(load.clients.history, store.secrets)
      t.diagnostic(JSON.stringify({ ...verdict, lost: verdict.lost.length }))
      const { lost, wrong, findings, unanswered } = verdict
      assert.deepEqual(
        { lost, wrong, findings, unanswered },
        { lost: [], wrong: [], findings: [], unanswered: 0 },
      )
    },
  }
}

export const deploymentsPath = `/apis/apps/v1/namespaces/${storeNamespace}/deployments`
export type Deployment = {
  metadata: { name: string }
  spec: { replicas: number }
  status: { readyReplicas?: number }
}
