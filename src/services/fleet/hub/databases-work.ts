import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import type { OperatorSpec, SeenDatabases } from '../decisions/model.ts'
import type { Both, SeenCopy, Told } from '../decisions/topology.ts'
import {
  conditionOf,
  databasesLabel,
  type Manifest,
  type ManifestConfig,
  type ManifestWork,
} from './objects.ts'
import { type Executor, rightsOf } from './work.ts'

const group = 'postgresql.cnpg.io'

/** Which telling a Cluster has heard last; where the policy is, it takes none before. No dots: it is fed back by its path. */
const tellingAnnotation = 'octavoTelling'
const homeAnnotation = 'octavoHome'
const unsettledAnnotation = 'octavoUnsettled'

/** What is fed back of each Cluster; all of it is of one look at it. */
const feedback: Readonly<Record<keyof SeenCopy, string>> = {
  primary: '.spec.replica.primary',
  given: '.spec.replica.promotionToken',
  demotionToken: '.status.demotionToken',
  taken: '.status.lastPromotionToken',
  uid: '.metadata.uid',
  system: '.status.systemID',
  ready: '.status.readyInstances',
  timeline: '.status.timelineID',
  phase: '.status.phase',
  telling: `.metadata.annotations.${tellingAnnotation}`,
  home: `.metadata.annotations.${homeAnnotation}`,
  isUnsettled: `.metadata.annotations.${unsettledAnnotation}`,
}

export type DatabasesWorkParts = {
  fleet: string
  cluster: string
  operator: OperatorSpec
  told: Told
  executor?: Executor | undefined
}

/**
 * The work that says of a cluster's two Clusters of CloudNativePG where the primaries are, and nothing else of them: they
 * are made by whoever owns the cluster, and stay when the work goes.
 */
export function databasesWorkOf({
  fleet,
  cluster,
  operator,
  told,
  executor,
}: DatabasesWorkParts): ManifestWork {
  return {
    apiVersion: 'work.open-cluster-management.io/v1',
    kind: 'ManifestWork',
    metadata: { name: `octavo-${fleet}-databases`, namespace: cluster, labels: { [databasesLabel]: fleet } },
    spec: {
      ...rightsOf(executor),
      deleteOption: { propagationPolicy: 'Orphan' },
      workload: { manifests: keptDatabases.map((each) => manifestOf(each, cluster, operator, told)) },
      manifestConfigs: keptDatabases.map((each) => configOf(each, operator, told)),
    },
  }
}

function manifestOf(database: KeptDatabase, cluster: string, operator: OperatorSpec, told: Told): Manifest {
  const metadata = { name: operator.names[database], namespace: operator.namespace }
  const base = { apiVersion: `${group}/v1`, kind: 'Cluster' }
  if (told === 'look') return { ...base, metadata }
  const { primary, source, token } = told[database]
  const replica = { self: cluster, primary, source, ...(token !== '' && { promotionToken: token }) }
  const annotations = {
    ...{ [tellingAnnotation]: String(told.telling), [homeAnnotation]: told.home },
    [unsettledAnnotation]: String(told.isUnsettled),
  }
  return { ...base, metadata: { ...metadata, annotations }, spec: { replica } }
}

const configOf = (
  database: KeptDatabase,
  { names, namespace }: OperatorSpec,
  told: Told,
): ManifestConfig => ({
  resourceIdentifier: { group, resource: 'clusters', name: names[database], namespace },
  updateStrategy:
    told === 'look'
      ? { type: 'ReadOnly' }
      : { type: 'ServerSideApply', serverSideApply: { force: true, fieldManager: 'work-agent-octavo' } },
  feedbackRules: [
    { type: 'JSONPaths', jsonPaths: Object.entries(feedback).map(([name, path]) => ({ name, path })) },
  ],
})

/** What a work tells its cluster, and what that said of its two Clusters. */
export function seenDatabases(
  { metadata, spec, status }: ManifestWork,
  operator: OperatorSpec,
): SeenDatabases {
  const manifests = status?.resourceStatus?.manifests ?? []
  const copyOf = (database: KeptDatabase): SeenCopy | undefined => {
    const found = manifests.find(
      ({ resourceMeta }) =>
        resourceMeta?.kind === 'Cluster' && resourceMeta.name === operator.names[database],
    )
    const values = new Map(
      (found?.statusFeedback?.values ?? []).map(({ name, fieldValue }) => [
        name,
        fieldValue.integer ?? fieldValue.string,
      ]),
    )
    if (!values.has('uid')) return undefined
    const text = (name: keyof SeenCopy) => String(values.get(name) ?? '')
    const number = (name: keyof SeenCopy) => Number(values.get(name) ?? 0)
    return {
      ...{ primary: text('primary'), given: text('given'), demotionToken: text('demotionToken') },
      ...{ taken: text('taken'), uid: text('uid'), system: text('system'), phase: text('phase') },
      ...{ ready: number('ready'), timeline: number('timeline') },
      ...{ telling: readTelling(text('telling')), home: text('home') },
      isUnsettled: text('isUnsettled') === 'true',
    }
  }
  const copies = Object.fromEntries(
    keptDatabases.flatMap((each) => {
      const copy = copyOf(each)
      return copy === undefined ? [] : [[each, copy]]
    }),
  ) as Partial<Both<SeenCopy>>
  const applied = conditionOf(status?.conditions, 'Applied')
  return {
    ...{ version: metadata.resourceVersion ?? '', told: toldIn(spec.workload.manifests, operator), copies },
    // Whether it could do it or not.
    isApplied: applied !== undefined && applied.observedGeneration === metadata.generation,
  }
}

const readTelling = (text: string | undefined): number => (/^\d{1,12}$/.test(text ?? '') ? Number(text) : 0)

function toldIn(manifests: readonly Manifest[], { names }: OperatorSpec): Told | undefined {
  const ofEach = keptDatabases.map((each) => manifests.find(({ metadata }) => metadata.name === names[each]))
  const replicas = ofEach.map((each) => (each?.spec as { replica?: Replica } | undefined)?.replica)
  if (replicas.every((each) => each === undefined)) return 'look'
  const [orderDb, bookDb] = replicas.map((each) => ({
    ...{ primary: each?.primary ?? '', source: each?.source ?? '', token: each?.promotionToken ?? '' },
  }))
  const said = ofEach[0]?.metadata.annotations ?? {}
  const about = {
    ...{ telling: readTelling(said[tellingAnnotation]), home: said[homeAnnotation] ?? '' },
    isUnsettled: said[unsettledAnnotation] === 'true',
  }
  return orderDb && bookDb && { 'order-db': orderDb, 'book-db': bookDb, ...about }
}
type Replica = { primary?: string; source?: string; promotionToken?: string }
