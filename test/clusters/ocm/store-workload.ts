import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesApi } from '#ports/kubernetes'
import type { TestScope } from '../../support/database.ts'
import type { ProcessCluster } from '../../support/process-cluster.ts'
import type { Spoke } from './work-agent.ts'

type Pod = {
  metadata: { name: string; deletionTimestamp?: string }
  spec: { containers: { image: string }[] }
  status?: { conditions?: { type: string; status: string }[] }
}

export type StoreWorkload = {
  /** The version whose store runs and is ready. */
  version(): string | undefined
  /** Whether the node that all of it runs on is there. */
  setLost(isLost: boolean): Promise<void>
}

/** What runs for a version: this checkout's program where no other is named. */
export type Program = { path?: string; env?: Record<string, string> }

const lookMs = 300

/**
 * Runs a real store where a cluster's Deployment says which version: the one before stops first, and its pods are ready
 * when the store is.
 * @param programs by version
 */
export function runStores(
  scope: TestScope,
  { api, namespace }: Spoke,
  store: ProcessCluster,
  programs: Readonly<Record<string, Program>>,
): StoreWorkload {
  let [running, isOver, isLost] = [undefined as string | undefined, false, false]
  const look = async () => {
    const wanted = await wantedVersion(api, namespace)
    if (running !== undefined && (wanted !== running || isLost)) {
      const before = running
      running = undefined
      await (isLost ? store.kill() : store.stop())
      if (isLost) return
      if (wanted === undefined || wanted === before) return
    }
    const program = programs[wanted ?? '']
    if (isLost || wanted === undefined || program === undefined) return
    if (running === undefined) {
      // Its databases may not be there yet; it is started again.
      await store.start(program.env, program.path).then(
        () => {
          running = wanted
        },
        () => store.kill(),
      )
    }
    if (running !== undefined) await markReady(api, namespace, running)
  }
  const loop = (async () => {
    while (!isOver) {
      // A hub that is away changes nothing here.
      await look().catch(() => {})
      await sleep(lookMs)
    }
  })()
  scope.after(async () => {
    isOver = true
    await loop
  })
  return {
    version: () => running,
    async setLost(lost) {
      isLost = lost
      if (lost) await store.kill()
    },
  }
}

const deployment = 'octavo-gateway'
const versionOf = (image = '') => image.split(':')[1] ?? ''

async function wantedVersion(api: KubernetesApi, namespace: string): Promise<string | undefined> {
  type Deployment = { spec: { template: { spec: { containers: { image: string }[] } } } }
  const found = await api.get<Deployment>(`/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`)
  return found && versionOf(found.spec.template.spec.containers[0]?.image)
}

/** There is no kubelet: pods of the version that runs are ready. */
async function markReady(api: KubernetesApi, namespace: string, version: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const { items } = (await api.get<{ items: Pod[] }>(path)) ?? { items: [] }
  const ready = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }
  for (const { metadata, spec, status } of items) {
    const isReady = status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True')
    const isOther = versionOf(spec.containers[0]?.image) !== version
    if (isReady || isOther || metadata.deletionTimestamp !== undefined) continue
    await api.send('PATCH', `${path}/${metadata.name}/status`, ready, 'strategic-merge')
  }
}
