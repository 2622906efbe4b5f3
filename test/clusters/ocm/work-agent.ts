import { systemClock } from '#ports/clock'
import { type KubernetesApi, KubernetesError } from '#ports/kubernetes'
import type {
  FeedbackValue,
  Manifest,
  ManifestStatus,
  ManifestWork,
  UpdateStrategy,
} from '../../../src/services/fleet/hub/objects.ts'
import { worksOf } from './registration.ts'

/** Where a cluster's works are applied: an API server, and the namespace that stands for the cluster there. */
export type Spoke = { api: KubernetesApi; namespace: string }

const lookMs = 250
const finalizer = 'cluster.open-cluster-management.io/manifest-work-cleanup'

/** Applies the works of one cluster, feeds their state back, and takes away what is theirs when they go. */
export async function runWorkAgent(
  hub: KubernetesApi,
  cluster: string,
  spoke: Spoke,
  isCut: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if (!isCut()) {
      // Whoever may not read its works has none that it knows of.
      const listed = await hub.get<{ items: ManifestWork[] }>(worksOf(cluster)).catch(() => undefined)
      for (const work of listed?.items ?? []) await reconcile(hub, cluster, spoke, work).catch(() => {})
    }
    // Called off by the end.
    await systemClock.sleep(lookMs, signal).catch(() => {})
  }
}

async function reconcile(
  hub: KubernetesApi,
  cluster: string,
  spoke: Spoke,
  work: ManifestWork,
): Promise<void> {
  const { metadata, spec } = work
  const path = `${worksOf(cluster)}/${metadata.name}`
  const finalizers = (metadata as { finalizers?: string[] }).finalizers ?? []
  if (metadata.deletionTimestamp !== undefined) {
    const isOrphaned = spec.deleteOption?.propagationPolicy === 'Orphan'
    for (const each of isOrphaned ? [] : spec.workload.manifests) await erase(spoke, each)
    await hub.send('PATCH', path, {
      metadata: { finalizers: finalizers.filter((each) => each !== finalizer) },
    })
    return
  }
  if (!finalizers.includes(finalizer)) {
    await hub.send('PATCH', path, { metadata: { finalizers: [...finalizers, finalizer] } })
    return
  }
  const said: ManifestStatus[] = []
  const refused: string[] = []
  for (const each of spec.workload.manifests) said.push(await applyOne(spoke, each, work, refused))
  const isProgressing = said.some(({ conditions }) => conditions?.some(({ status }) => status === 'True'))
  const conditions = Object.entries({
    Applied: refused.length === 0,
    Available: true,
    Progressing: isProgressing,
  }).map(([type, isTrue]) => ({
    ...{
      type,
      status: isTrue ? 'True' : 'False',
      reason: 'StandIn',
      message: type === 'Applied' ? refused.join() : '',
    },
    ...{ observedGeneration: metadata.generation, lastTransitionTime: new Date().toISOString() },
  }))
  const status = { conditions, resourceStatus: { manifests: said } }
  if (sameStatus(work.status, status)) return
  await hub.send('PATCH', `${path}/status`, { status })
}

const sameStatus = (before: unknown, after: unknown) => {
  const plain = (value: unknown) =>
    JSON.stringify(value, (name, each) => (name === 'lastTransitionTime' ? undefined : each))
  return plain(before) === plain(after)
}

const plurals: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
}

const pluralOf = ({ kind }: Pick<Manifest, 'kind'>) => plurals[kind] ?? `${kind.toLowerCase()}s`

function pathOf({ namespace }: Spoke, { apiVersion, kind }: Manifest): string {
  const api = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  return `${api}/namespaces/${namespace}/${pluralOf({ kind })}`
}

async function applyOne(
  spoke: Spoke,
  manifest: Manifest,
  work: ManifestWork,
  refused: string[],
): Promise<ManifestStatus> {
  const { name, namespace } = manifest.metadata
  const config = work.spec.manifestConfigs?.find(
    ({ resourceIdentifier: id }) => id.name === name && id.resource === pluralOf(manifest),
  )
  const now = await put(spoke, manifest, config?.updateStrategy, (why) => refused.push(why))
  const values = (config?.feedbackRules ?? []).flatMap(({ jsonPaths }) =>
    jsonPaths.flatMap(({ name: valueName, path: valuePath }) => valueAt(now, valueName, valuePath)),
  )
  const [version = '', group = ''] = manifest.apiVersion.split('/').reverse()
  const meta = { ordinal: work.spec.workload.manifests.indexOf(manifest), group, version }
  return {
    // What the rules say that there are here, without reading their language.
    conditions: (config?.conditionRules ?? []).map(({ condition: type }) => ({
      ...{ type, status: now && isRolledOut(now) ? 'False' : 'True', reason: 'StandIn', message: '' },
      lastTransitionTime: new Date().toISOString(),
    })),
    resourceMeta: { ...meta, kind: manifest.kind, resource: pluralOf(manifest), name, namespace },
    statusFeedback: { values },
  }
}

/** As its work wants it; what the server refuses is there as it was, and tried again. */
async function put(
  spoke: Spoke,
  manifest: Manifest,
  strategy: UpdateStrategy | undefined,
  refuse: (why: string) => void,
): Promise<Manifest | undefined> {
  const path = pathOf(spoke, manifest)
  const at = `${path}/${manifest.metadata.name}`
  const object = { ...manifest, metadata: { ...manifest.metadata, namespace: spoke.namespace } }
  const before = await spoke.api.get<Manifest>(at)
  if (strategy?.type === 'ReadOnly') return before
  try {
    if (strategy?.type === 'ServerSideApply') {
      const { force, fieldManager } = strategy.serverSideApply
      return await spoke.api.send<Manifest>(
        'PATCH',
        `${at}?force=${force}&fieldManager=${fieldManager}`,
        object,
        'apply',
      )
    }
    if (before === undefined) return await spoke.api.send<Manifest>('POST', path, object)
    return await spoke.api.send<Manifest>('PATCH', at, object)
  } catch (error) {
    if (!(error instanceof KubernetesError) || strategy === undefined) throw error
    refuse(error.message)
    return before
  }
}

function isRolledOut(object: Manifest): boolean {
  const { metadata, spec, status } = object as unknown as {
    metadata: { generation: number }
    spec: { replicas: number }
    status?: Record<string, number>
  }
  const counts = ['replicas', 'updatedReplicas', 'readyReplicas'].map((name) => status?.[name] ?? 0)
  return (
    (status?.observedGeneration ?? 0) >= metadata.generation &&
    counts.every((count) => count === spec.replicas)
  )
}

/** What a plain path such as `.status.readyReplicas` leads to; nothing where there is nothing. */
function valueAt(object: unknown, name: string, path: string): FeedbackValue[] {
  let value = object
  for (const part of path.split('.').slice(1)) value = (value as Record<string, unknown> | undefined)?.[part]
  if (typeof value === 'number') return [{ name, fieldValue: { type: 'Integer', integer: value } }]
  return typeof value === 'string' ? [{ name, fieldValue: { type: 'String', string: value } }] : []
}

async function erase(spoke: Spoke, manifest: Manifest): Promise<void> {
  try {
    await spoke.api.send('DELETE', `${pathOf(spoke, manifest)}/${manifest.metadata.name}`)
  } catch (error) {
    if (!(error instanceof KubernetesError && error.status === 404)) throw error
  }
}
