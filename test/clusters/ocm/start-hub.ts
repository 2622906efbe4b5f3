import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { systemClock } from '#ports/clock'
import { follow, type KubernetesApi, type Metadata } from '#ports/kubernetes'
import {
  type CertificateSigningRequest,
  clusterApi,
  csrApi,
  type ManagedCluster,
  type ManifestWork,
  workApi,
} from '../../../src/services/fleet/hub/objects.ts'
import { until } from '../../support/until.ts'
import type { ControlPlane } from '../control-plane.ts'
import { prepareFleetDefinitions } from '../definitions.ts'
import { approveRenewals, bootstrapRules, make, reconcileCluster, reconcileLease } from './registration.ts'

export const bootstrapSubject = '/O=ocm:bootstrap/CN=bootstrap'
const lookEveryMs = 250
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/**
 * A stand-in for OCM's hub over a real API server: its definitions, who may do what, and the controllers that the fleet
 * has to do with, behaving as OCM v1.3.1 was measured to. What is asked of it goes through the API server's own
 * authentication, authorisation, admission and signing.
 */
export async function startHub({ api }: Pick<ControlPlane, 'api'>): Promise<AsyncDisposable> {
  await prepareHub(api)
  const stop = new AbortController()
  const clusters = cacheOf<ManagedCluster>(api, clusterApi, stop.signal)
  const works = cacheOf<ManifestWork>(api, `${workApi}/manifestworks`, stop.signal)
  const requests = cacheOf<CertificateSigningRequest>(api, csrApi, stop.signal)
  const running = (async () => {
    while (!stop.signal.aborted) {
      // A conflict with an agent is looked at again.
      await approveRenewals(api, requests.all()).catch(() => {})
      for (const each of clusters.all()) {
        await reconcileCluster(api, each, works.all()).catch(() => {})
        await reconcileLease(api, each, Date.now()).catch(() => {})
      }
      // Called off by the end.
      await systemClock.sleep(lookEveryMs, stop.signal).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all([running, clusters.done, works.done, requests.done])
    },
  }
}

/** Its definitions, and what somebody may do who has not been let in. */
export async function prepareHub(api: KubernetesApi): Promise<void> {
  for (const file of await prepareFleetDefinitions()) await defineFrom(api, file)
  await defineFrom(api, new URL('../../../deploy/fleet/bookstorefleets.yaml', import.meta.url))
  for (const path of [
    clusterApi,
    `${workApi}/manifestworks`,
    '/apis/fleet.octavo.example/v1/bookstorefleets',
  ])
    await until(async () => (await api.get(path).catch(() => undefined)) !== undefined, `${path} is served`)
  await admitBootstrap(api)
  await refuseSelfAcceptance(api)
}

/** A collection kept up to date. */
function cacheOf<T extends { metadata: Metadata }>(api: KubernetesApi, path: string, signal: AbortSignal) {
  const known = new Map<string, T>()
  const keyOf = ({ metadata }: T) => `${metadata.namespace ?? ''}/${metadata.name}`
  const follower = {
    replace(objects: readonly T[]) {
      known.clear()
      for (const each of objects) known.set(keyOf(each), each)
    },
    changed: (object: T) => void known.set(keyOf(object), object),
    gone: (object: T) => void known.delete(keyOf(object)),
  }
  return { all: () => [...known.values()], done: follow<T>(api, path, follower, systemClock, signal) }
}

async function defineFrom(api: KubernetesApi, file: string | URL): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(file, 'utf8')))
    await make(api, definitions, document.toJS() as object)
}

async function admitBootstrap(api: KubernetesApi): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const name = 'open-cluster-management:bootstrap'
  await make(api, `${rbac}/clusterroles`, { metadata: { name }, rules: bootstrapRules })
  await make(api, `${rbac}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'Group', name: 'ocm:bootstrap', apiGroup: 'rbac.authorization.k8s.io' }],
  })
}

/** As OCM's webhook has it: who may not accept clusters may not make one that is accepted. */
async function refuseSelfAcceptance(api: KubernetesApi): Promise<void> {
  const admission = '/apis/admissionregistration.k8s.io/v1'
  const name = 'acceptance.cluster.open-cluster-management.io'
  const mayAccept =
    "authorizer.group('register.open-cluster-management.io').resource('managedclusters').subresource('accept').check('update').allowed()"
  await make(api, `${admission}/validatingadmissionpolicies`, {
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            ...{ apiGroups: ['cluster.open-cluster-management.io'], apiVersions: ['*'] },
            ...{ operations: ['CREATE', 'UPDATE'], resources: ['managedclusters'] },
          },
        ],
      },
      validations: [
        {
          expression: `!has(object.spec.hubAcceptsClient) || object.spec.hubAcceptsClient == false || (oldObject != null && has(oldObject.spec.hubAcceptsClient) && oldObject.spec.hubAcceptsClient) || ${mayAccept}`,
          message: 'this user may not accept clusters',
          reason: 'Forbidden',
        },
      ],
    },
  })
  await make(api, `${admission}/validatingadmissionpolicybindings`, {
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  })
}
