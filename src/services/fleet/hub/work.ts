import { readEpoch } from '#kernel/fleet-picture'
import type { SeenWork } from '../decisions/model.ts'
import {
  type ConditionRule,
  conditionOf,
  epochLabel,
  fleetLabel,
  type Manifest,
  type ManifestConfig,
  type ManifestStatus,
  type ManifestWork,
  versionLabel,
} from './objects.ts'

/** Says on a workload which version's work it is of, so that old feedback is known by it. */
const markAnnotation = 'octavoVersion'

/** What is fed back of each Deployment. Whether it is there says nothing of whether it is well. */
const feedback: readonly { name: string; path: string }[] = [
  { name: 'generation', path: '.metadata.generation' },
  { name: 'version', path: `.metadata.annotations.${markAnnotation}` },
  { name: 'observed', path: '.status.observedGeneration' },
  { name: 'wanted', path: '.spec.replicas' },
  { name: 'replicas', path: '.status.replicas' },
  { name: 'updated', path: '.status.updatedReplicas' },
  { name: 'ready', path: '.status.readyReplicas' },
]

/**
 * Lets whoever looks at the work on the hub see whether its Deployments are as they should be, and OCM's own rollouts wait
 * for them. The controller goes by the feedback, which says of which version it is.
 */
const progressing: ConditionRule = {
  ...{ condition: 'Progressing', type: 'CEL', message: 'True until every replica is of this work and ready' },
  celExpressions: [
    [
      '!has(object.status) || !has(object.status.observedGeneration)',
      'object.status.observedGeneration < object.metadata.generation',
      ...['replicas', 'updatedReplicas', 'readyReplicas'].map(
        (count) => `(has(object.status.${count}) ? object.status.${count} : 0) != object.spec.replicas`,
      ),
    ].join(' || '),
  ],
}

/** Whose rights on the cluster the work has: its owner gives them. Without one it has those of OCM's agent. */
export type Executor = { namespace: string; name: string }

/** The part of a work's `spec` that says so. */
export const rightsOf = (executor: Executor | undefined) =>
  executor && { executor: { subject: { type: 'ServiceAccount', serviceAccount: executor } } }

export type WorkParts = {
  fleet: string
  cluster: string
  version: string
  /** The turn that the databases are in. */
  epoch: number
  manifests: readonly Manifest[]
  executor?: Executor | undefined
}

/** The work that puts a version on a cluster, and tells it which turn the databases are in. */
export function workOf({ fleet, cluster, version, epoch, manifests, executor }: WorkParts): ManifestWork {
  const tellsEpoch = manifests.some(isEpochMap)
  return {
    apiVersion: 'work.open-cluster-management.io/v1',
    kind: 'ManifestWork',
    metadata: {
      name: `octavo-${fleet}`,
      namespace: cluster,
      labels: {
        ...{ [fleetLabel]: fleet, [versionLabel]: version },
        ...(tellsEpoch && { [epochLabel]: String(epoch) }),
      },
    },
    spec: {
      ...rightsOf(executor),
      workload: { manifests: manifests.map((each) => withEpoch(marked(each, version), epoch)) },
      manifestConfigs: manifests.filter(isDeployment).map(configOf),
    },
  }
}

/** How a cluster stands to its work, by what it says of it at the generation that the hub has. */
export function seenWork({ metadata, spec, status }: ManifestWork): SeenWork {
  const version = metadata.labels?.[versionLabel] ?? ''
  const applied = conditionOf(status?.conditions, 'Applied')
  const isApplied = applied?.status === 'True' && applied.observedGeneration === metadata.generation
  const said = status?.resourceStatus?.manifests ?? []
  const deployments = spec.workload.manifests.filter(isDeployment)
  const isReady = deployments.every((each) => {
    const found = said.find(
      ({ resourceMeta }) =>
        resourceMeta?.kind === 'Deployment' &&
        resourceMeta.name === each.metadata.name &&
        resourceMeta.namespace === each.metadata.namespace,
    )
    return found !== undefined && isRolledOut(found, version)
  })
  const epoch = readEpoch(metadata.labels?.[epochLabel])
  return { version, epoch, isApplied, isReady: isApplied && isReady }
}

/** As `kubectl rollout status` has it, and the replicas of before are gone. */
function isRolledOut({ statusFeedback }: ManifestStatus, version: string): boolean {
  const values = new Map(
    (statusFeedback?.values ?? []).map(({ name, fieldValue }) => [
      name,
      fieldValue.integer ?? fieldValue.string,
    ]),
  )
  const number = (name: string) => Number(values.get(name) ?? 0)
  return (
    values.get('version') === version &&
    number('observed') >= number('generation') &&
    ['replicas', 'updated', 'ready'].every((name) => number(name) === number('wanted'))
  )
}

function marked(manifest: Manifest, version: string): Manifest {
  if (!isDeployment(manifest)) return manifest
  const annotations = { ...manifest.metadata.annotations, [markAnnotation]: version }
  return { ...manifest, metadata: { ...manifest.metadata, annotations } }
}

/** What its gateways go by when they are asked to change something (OCTAVO_FLEET_EPOCH). */
const isEpochMap = ({ kind, apiVersion, metadata }: Manifest) =>
  kind === 'ConfigMap' && apiVersion === 'v1' && metadata.labels?.[epochLabel] !== undefined

const withEpoch = (manifest: Manifest, epoch: number): Manifest =>
  isEpochMap(manifest) ? { ...manifest, data: { epoch: String(epoch) } } : manifest

const isDeployment = ({ kind, apiVersion }: Manifest) => kind === 'Deployment' && apiVersion === 'apps/v1'

const configOf = ({ metadata }: Manifest): ManifestConfig => ({
  resourceIdentifier: {
    ...{ group: 'apps', resource: 'deployments' },
    ...{ name: metadata.name, namespace: metadata.namespace ?? 'default' },
  },
  feedbackRules: [{ type: 'JSONPaths', jsonPaths: [...feedback] }],
  conditionRules: [progressing],
})
