import { createHash } from 'node:crypto'
import type { CertificateRequest, Seen, SeenCluster, VersionRecord } from '../decisions/model.ts'
import type { AlarmsSeen } from './alarms.ts'
import { type Caches, databasesWorkOn, workOn } from './caches.ts'
import { readCertificateRequest } from './certificate-request.ts'
import { seenDatabases } from './databases-work.ts'
import type { EdgesSeen } from './edges.ts'
import { readOperator } from './fleet-object.ts'
import type { KeptSeen } from './keepers.ts'
import {
  type CertificateSigningRequest,
  clusterNameLabel,
  conditionOf,
  drainedTaint,
  type ManagedCluster,
  type VersionMap,
} from './objects.ts'
import { seenWork } from './work.ts'

export type Beside = {
  edges: EdgesSeen
  kept: KeptSeen
  decided: readonly string[] | undefined
  /** By cluster: what its checks find wrong, and whether its certificate still opens anything. */
  alarms: AlarmsSeen
  rights: ReadonlyMap<string, boolean>
}

/** Puts together what is seen of the fleet. */
export function seenFleet(caches: Caches, fleet: string, beside: Beside): Seen {
  const requests = caches.requests().filter(isPending)
  const managed = new Map(caches.clusters().map((each) => [each.metadata.name, each]))
  const asked = Map.groupBy(requests, ({ metadata }) => metadata.labels?.[clusterNameLabel] ?? '')
  asked.delete('')
  const named = caches.fleet()?.spec.clusters.map(({ name }) => name) ?? []
  const names = new Set([...managed.keys(), ...asked.keys(), ...named])
  const clusters = [...names].map((name): [string, SeenCluster] => [
    name,
    clusterOf(name, managed.get(name), asked.get(name) ?? [], caches, fleet, beside),
  ])
  return {
    clusters: new Map(clusters),
    versions: caches.versions().flatMap(versionOf),
    ...{
      followed: beside.edges.followed,
      heard: beside.edges.heard,
      answering: beside.edges.answering,
      demand: beside.edges.demand,
    },
    ...{ kept: beside.kept, decided: beside.decided },
  }
}

function clusterOf(
  name: string,
  managed: ManagedCluster | undefined,
  requests: readonly CertificateSigningRequest[],
  caches: Caches,
  fleet: string,
  { edges, alarms, rights }: Beside,
): SeenCluster {
  const available = conditionOf(managed?.status?.conditions, 'ManagedClusterConditionAvailable')?.status
  const work = workOn(caches.works(), fleet, name)
  const operator = readOperator(caches.fleet()?.spec.databases)
  const databases = operator && databasesWorkOn(caches.works(), fleet, name)
  const isDatabasesGone = databases === undefined || databases.metadata.deletionTimestamp !== undefined
  return {
    name,
    registration: managed === undefined ? 'absent' : managed.spec?.hubAcceptsClient ? 'accepted' : 'waiting',
    isAvailable: available === undefined || available === 'Unknown' ? undefined : available === 'True',
    isTainted: managed?.spec?.taints?.some(({ key }) => key === drainedTaint) ?? false,
    works: caches.works().filter(({ metadata }) => metadata.namespace === name).length,
    hasRights: rights.get(name),
    requests: requests.map(requestOf),
    denied: lastDenial(caches.requests(), name),
    edge: edges.clusters.get(name),
    alarms: alarms.get(name),
    work: work === undefined || work.metadata.deletionTimestamp ? undefined : seenWork(work),
    databases: operator === undefined || isDatabasesGone ? undefined : seenDatabases(databases, operator),
  }
}

/** Of the agents of clusters, and not answered yet. */
const isPending = ({ metadata, status }: CertificateSigningRequest) =>
  metadata.labels?.[clusterNameLabel] !== undefined &&
  !status?.conditions?.some(({ type }) => type === 'Approved' || type === 'Denied')

/** What is kept of each: a request is written by whoever asks. */
const denialMax = 200

function lastDenial(requests: readonly CertificateSigningRequest[], name: string): string | undefined {
  const own = requests.filter(({ metadata }) => metadata.labels?.[clusterNameLabel] === name)
  const newest = own.toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)))[0]
  return conditionOf(newest?.status?.conditions, 'Denied')?.message?.slice(0, denialMax)
}

const timeOf = ({ metadata }: CertificateSigningRequest) => metadata.creationTimestamp ?? ''

function requestOf({ metadata, spec }: CertificateSigningRequest): CertificateRequest {
  const rest = {
    ...{ name: metadata.name, requester: spec.username ?? '', seconds: spec.expirationSeconds },
    signer: spec.signerName,
  }
  try {
    return { ...rest, ...readCertificateRequest(spec.request) }
  } catch {
    // What cannot be read is refused as nobody's.
    return { ...rest, commonName: '', organisations: [], key: '', keyType: 'unreadable' }
  }
}

function versionOf({ data }: VersionMap): VersionRecord[] {
  if (data?.version === undefined) return []
  try {
    return [{ version: data.version, schemas: JSON.parse(data.schemas ?? '{}') as VersionRecord['schemas'] }]
  } catch {
    // One that cannot be read is one that nobody has made known: it holds up nothing else.
    return []
  }
}

/** A name for a version's ConfigMap, whatever the version is called. */
export const versionMapName = (version: string): string =>
  `octavo-version-${createHash('sha256').update(version).digest('hex').slice(0, 12)}`
