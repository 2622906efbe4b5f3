import { type KubernetesApi, KubernetesError } from '#ports/kubernetes'
import type { Action } from '../decisions/model.ts'
import { type Caches, databasesWorkOn, workOn } from './caches.ts'
import { databasesWorkOf } from './databases-work.ts'
import { readOperator } from './fleet-object.ts'
import type { Keepers } from './keepers.ts'
import { nameEdges } from './name-edges.ts'
import {
  clusterApi,
  csrApi,
  drainedTaint,
  type ManagedCluster,
  type Manifest,
  type ManifestWork,
  workApi,
} from './objects.ts'
import { writeScore } from './placements.ts'
import { workOf } from './work.ts'

export type Hub = { api: KubernetesApi; caches: Caches; keepers: Keepers; fleet: string; namespace: string }

/**
 * Does one thing on the hub. What is there already is left alone, and what somebody else has changed since it was looked
 * at is not written over: the next round sees it.
 * @returns whether the cluster still has rights, for `check-rights`
 * @throws KubernetesError
 */
export async function carryOut(hub: Hub, action: Action): Promise<boolean | undefined> {
  switch (action.kind) {
    case 'approve':
      return void (await answerRequest(
        hub,
        action.request,
        'Approved',
        `it is ${action.cluster}, as the fleet names it`,
      ))
    case 'deny':
      return void (await answerRequest(hub, action.request, 'Denied', action.why))
    case 'accept':
      return void (await accept(hub, action.cluster))
    case 'refuse':
      return void (await hub.api.send('PATCH', `${clusterApi}/${action.cluster}`, {
        spec: { hubAcceptsClient: false },
      }))
    case 'apply':
      return void (await applyWork(hub, action))
    case 'reap':
      return void (await reap(hub, action))
    case 'tell-databases':
      return void (await tellDatabases(hub, action))
    case 'taint':
    case 'untaint':
      return void (await taint(hub, action.cluster, action.kind === 'taint'))
    case 'check-rights':
      return await hasRights(hub, action.cluster)
    case 'score':
      return void (await writeScore(hub.api, action.cluster, action.value, action.validUntilMs))
    case 'name':
      return void (await nameEdges(hub, action.targets))
    case 'keep':
      return void (await keep(hub, action))
  }
}

async function answerRequest(
  { api, caches }: Hub,
  name: string,
  type: string,
  message: string,
): Promise<void> {
  const request = caches.requests().find(({ metadata }) => metadata.name === name)
  if (request === undefined) return
  const condition = { type, status: 'True' as const, reason: 'BookstoreFleet', message }
  // By name, and at the version that was looked at: nobody slips another request under it.
  await api.send('PUT', `${csrApi}/${name}/approval`, {
    ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
    ...request,
    status: { ...request.status, conditions: [...(request.status?.conditions ?? []), condition] },
  })
}

/** At the version that was looked at: whoever was frozen meanwhile does not let in what has been revoked since. */
async function accept({ api, caches }: Hub, name: string): Promise<void> {
  const cluster = caches.clusters().find(({ metadata }) => metadata.name === name)
  if (cluster === undefined) return
  const { resourceVersion } = cluster.metadata
  await api.send('PATCH', `${clusterApi}/${name}`, {
    metadata: { resourceVersion },
    spec: { hubAcceptsClient: true },
  })
}

async function applyWork(
  { api, caches, fleet }: Hub,
  { cluster, version, epoch }: Extract<Action, { kind: 'apply' }>,
): Promise<void> {
  const map = caches.versions().find(({ data }) => data?.version === version)
  if (map === undefined) return
  const manifests = JSON.parse(map.data?.manifests ?? '[]') as Manifest[]
  const { executor } = caches.fleet()?.spec ?? {}
  const work = workOf({ fleet, cluster, version, epoch, manifests, executor })
  const path = `${workApi}/namespaces/${cluster}/manifestworks`
  const before = workOn(caches.works(), fleet, cluster)
  if (before?.metadata.deletionTimestamp !== undefined) return
  if (before === undefined) await api.send('POST', path, work)
  else {
    const { resourceVersion = '' } = before.metadata
    await api.send<ManifestWork>('PUT', `${path}/${work.metadata.name}`, {
      ...work,
      metadata: { ...work.metadata, resourceVersion },
    })
  }
}

/**
 * At the very version that it was decided on: a controller that was frozen since would bring back a token of an earlier
 * move, whatever it has heard by now.
 */
async function tellDatabases(
  { api, caches, fleet }: Hub,
  { cluster, told, version }: Extract<Action, { kind: 'tell-databases' }>,
): Promise<void> {
  const { executor, databases } = caches.fleet()?.spec ?? {}
  const operator = readOperator(databases)
  if (operator === undefined) return
  const work = databasesWorkOf({ fleet, cluster, operator, told, executor })
  const path = `${workApi}/namespaces/${cluster}/manifestworks`
  if (version === undefined) await api.send('POST', path, work)
  else
    await api.send<ManifestWork>('PUT', `${path}/${work.metadata.name}`, {
      ...work,
      metadata: { ...work.metadata, resourceVersion: version },
    })
}

/** Those that were looked at: a work that has been put there since has the same name, and stays. */
async function reap(
  { api, caches, fleet }: Hub,
  { cluster, keepsDatabases }: Extract<Action, { kind: 'reap' }>,
): Promise<void> {
  const kept = keepsDatabases ? databasesWorkOn(caches.works(), fleet, cluster) : undefined
  for (const work of caches.works()) {
    const { metadata } = work
    if (metadata.namespace !== cluster || metadata.deletionTimestamp || work === kept) continue
    const path = `${workApi}/namespaces/${cluster}/manifestworks/${metadata.name}`
    const { uid } = metadata
    await ignoringGone(
      api.send('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } }),
    )
  }
}

/** As it is now: an agent may have written since, and nobody decides on it a second time. */
async function taint({ api }: Hub, name: string, isOn: boolean): Promise<void> {
  const cluster = await api.get<ManagedCluster>(`${clusterApi}/${name}`)
  if (cluster === undefined) return
  const others = (cluster.spec?.taints ?? []).filter(({ key }) => key !== drainedTaint)
  const taints = isOn ? [...others, { key: drainedTaint, effect: 'NoSelect' }] : others
  await api.send('PATCH', `${clusterApi}/${name}`, {
    metadata: { resourceVersion: cluster.metadata.resourceVersion },
    spec: { taints },
  })
}

/** One that goes by a later turn says so when it is looked at next. */
async function keep(
  { caches, keepers }: Hub,
  { cluster, database, want }: Extract<Action, { kind: 'keep' }>,
) {
  const url = caches.fleet()?.spec.clusters.find(({ name }) => name === cluster)?.keeper?.url
  if (url !== undefined) await keepers.tell(url, database, want)
}

const reviewApi = '/apis/authorization.k8s.io/v1/subjectaccessreviews'

/** Whether a cluster's certificate still opens its works or its lease. Asked of the hub, which alone knows. */
async function hasRights({ api }: Hub, cluster: string): Promise<boolean> {
  for (const { review } of questionsOf(cluster).filter(({ question }) => question.namespace === cluster)) {
    const { status } = await api.send<{ status: { allowed: boolean } }>('POST', reviewApi, review)
    if (status.allowed) return true
  }
  return false
}

export type Question = { group: string; resource: string; verb: string; namespace?: string }

/** What a cluster might want to do on the hub, as the hub is asked whether its certificate allows it. */
export function questionsOf(cluster: string): { question: Question; review: object }[] {
  const group = `system:open-cluster-management:${cluster}`
  const works = { group: 'work.open-cluster-management.io', resource: 'manifestworks' }
  const questions: Question[] = [
    { ...works, verb: 'list', namespace: cluster },
    { ...works, verb: 'update', namespace: cluster },
    { group: 'coordination.k8s.io', resource: 'leases', verb: 'update', namespace: cluster },
    { group: '', resource: 'secrets', verb: 'get', namespace: cluster },
    { ...works, verb: 'list' },
    { group: '', resource: 'secrets', verb: 'list' },
    { group: 'register.open-cluster-management.io', resource: 'managedclusters', verb: 'update' },
    { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create' },
  ]
  return questions.map((question) => ({
    question,
    review: {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' },
      spec: {
        user: `${group}:agent`,
        groups: [group, 'system:open-cluster-management:managed-clusters', 'system:authenticated'],
        resourceAttributes: question,
      },
    },
  }))
}

/** Also when there is another of its name by now. */
async function ignoringGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof KubernetesError && (error.status === 404 || error.isConflict))) throw error
  }
}
