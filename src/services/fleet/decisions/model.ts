import type { KeptDatabase, KeptState, Want } from '#kernel/database-turn'
import type { Home } from './home.ts'
import type { Both, SeenCopy, Told, Topology } from './topology.ts'

/**
 * What the fleet should be, what is seen of it, and what is remembered between two looks. Decisions are made of these
 * alone, so that they can be simulated by seed.
 */
export type FleetSpec = {
  /** Nothing is changed meanwhile, but what is revoked stays revoked. */
  paused: boolean
  /** Decisions are written down and not carried out. */
  dryRun: boolean
  /** The version that every cluster should run. */
  version: string
  /** Everyone who may be part of it. Whoever is not named here gets nothing. */
  clusters: readonly ClusterSpec[]
  /** So many clusters have work at least, as long as there are as many. */
  clustersMin: number
  rollout: RolloutSpec
  /** Where its databases have their primaries; undefined where somebody else looks after them. */
  databases: DatabasesSpec | undefined
  /** The name that readers know, and where the edges are that it should lead to; undefined where nobody keeps it here. */
  dns: DnsSpec | undefined
  /** A Placement of OCM's in the fleet's namespace that says who gets further work first; empty where nobody asks it. */
  placement: string
}

export type DnsSpec = {
  name: string
  ttlSeconds: number
  /** Each by where it tells of itself, with the address that readers reach it by. */
  edges: readonly { url: string; address: string }[]
}

export type DatabasesSpec = {
  /** The cluster that they should be in; where they are, when empty. */
  home: string
  /** Commits may not be acknowledged for so long before another cluster takes over. */
  lostAfterMs: number
  /** CloudNativePG's, which looks after them; undefined where `octavo keep-databases` does. */
  operator?: OperatorSpec | undefined
  /** The turn of which somebody has said that what only its primaries have may be lost. */
  acceptLossOf?: number | undefined
}

export type OperatorSpec = {
  /** Of the two Cluster resources, which are called the same in every cluster. */
  namespace: string
  names: Both<string>
  /** Who has them. */
  clusters: readonly string[]
}

export type ClusterSpec = {
  name: string
  /** Of its gateway, as edges reach it. */
  url: string
  /** Lower rings get a new version first, and are the first to get work. */
  ring: number
  /** Where its store's own numbers are, in the Prometheus text format; empty where a version is judged by orders alone. */
  numbersUrl: string
  /** Orders a second that it can take. */
  capacity: number
  /** Who let it in. A production cluster needs two people. */
  approvedBy: readonly string[]
  isProduction: boolean
  /** SHA-256 of the public key that it may have a certificate for, in hexadecimal; the first one it comes with when empty. */
  key: string
  /** `leave` is that of one which is in the list no more: it is drained, and then it gets nothing. */
  intent: 'serve' | 'drain' | 'revoke' | 'leave'
  /** When it is drained and gets nothing, whatever is wanted of it otherwise. */
  maintenance?: readonly Maintenance[]
  /** Who keeps its database servers, and where the other clusters reach those; undefined where it has none. */
  keeper: { url: string; addresses: Readonly<Record<KeptDatabase, string>> } | undefined
}

/** From the first moment to before the last. */
export type Maintenance = { fromMs: number; untilMs: number }

export type RolloutSpec = {
  /** The share of its usual weight that a cluster has while its new version is judged. */
  canaryPercent: number
  soakMs: number
  /** Orders that have to be seen before a version is judged well. */
  ordersMin: number
  /** A version has to be ready everywhere it was put within so long. */
  readyLimitMs: number
  failedPercentMax: number
  slowPercentMax: number
  /** The failure of the wanted version, by its `badAt`, after which somebody wants it to be tried again. */
  again?: number | undefined
}

export type CertificateRequest = {
  name: string
  /** Who asks, as the hub knows him. */
  requester: string
  commonName: string
  organisations: readonly string[]
  /** SHA-256 of the public key. */
  key: string
  keyType: string
  seconds: number | undefined
  signer: string
}

export type SeenWork = {
  version: string
  /** The turn of the databases that it tells the cluster of; undefined where its manifests tell of none. */
  epoch?: number | undefined
  /** Applied by the cluster at the generation that the hub has. */
  isApplied: boolean
  /** All its replicas are of this generation and ready, as the cluster itself says at the generation that the hub has. */
  isReady: boolean
}

export type SeenByEdges = {
  isUp: boolean
  /** That its gateways say they are, where all say the same; undefined where they say nothing. */
  version: string | undefined
  inFlight: number
  /** Whether edges of the latest turn send it what changes something. */
  takesWrites?: boolean
  /** What they send it, beside the weights of the others; undefined where that is not known. */
  weight?: number
  orders: OrderCounts
  /** Orders a second that it takes; undefined until it has been looked at twice. */
  ordersPerSecond: number | undefined
}
export type OrderCounts = { taken: number; failed: number; slow: number }
/** The work that says where a cluster's databases have their primaries, and how they are. */
export type SeenDatabases = {
  /** Of the work, as it was looked at. */
  version: string
  told: Told | undefined
  /** The cluster has looked at it as the hub has it. */
  isApplied: boolean
  copies: Partial<Both<SeenCopy>>
}

export type SeenCluster = {
  name: string
  registration: 'absent' | 'waiting' | 'accepted'
  /** As the hub has it by its leases; undefined when it does not know. */
  isAvailable: boolean | undefined
  isTainted: boolean
  work: SeenWork | undefined
  databases?: SeenDatabases | undefined
  /** Works there are in its namespace, whosever. */
  works: number
  /** Whether its certificate still opens anything; undefined when nobody has looked. */
  hasRights: boolean | undefined
  requests: readonly CertificateRequest[]
  /** Why the last request in its name was denied. */
  denied?: string | undefined
  /** As all edges that answer see it; undefined when none does. */
  edge: SeenByEdges | undefined
  /** What its own checks find wrong with the business: titles oversold, payments without an order. Undefined when nobody knows. */
  alarms: readonly string[] | undefined
}

/** A version that has been made known to the hub. */
export type VersionRecord = {
  version: string
  /** By name: the version that its program makes of a schema, and the oldest program that can work on that. */
  schemas: Readonly<Record<string, SchemaNumbers>>
}
export type SchemaNumbers = { version: number; oldest: number }

export type Seen = {
  clusters: ReadonlyMap<string, SeenCluster>
  versions: readonly VersionRecord[]
  /** The revision that every edge follows, or undefined when one of them does not answer. */
  followed: number | undefined
  /** Whom that Placement has chosen, in its order; undefined where it cannot be told. */
  decided: readonly string[] | undefined
  /** Edges that answer, by where they tell of themselves. */
  answering: ReadonlySet<string>
  /** The latest that any edge follows. */
  heard: { revision: number; epoch: number }
  /** Orders a second that the edges take. */
  demand: number | undefined
  /** By database and cluster, what those servers say whose keeper answers. */
  kept: ReadonlyMap<KeptDatabase, ReadonlyMap<string, KeptState>>
}

export type Phase =
  /** It has no work and gets no traffic. */
  | 'out'
  /** It has been given work and gets no traffic yet. */
  | 'joining'
  | 'serving'
  | 'draining'
  | 'revoking'
  | 'revoked'

export type ClusterMemory = {
  phase: Phase
  sinceMs: number
  /** What its work should be; undefined where it should have none. */
  version: string | undefined
  weight: number
  /** Since when the edges have found it down, or it should have been ready. */
  downSinceMs: number | undefined
  /** Until when one that was lost, and is back, is not relied on. */
  restsUntilMs?: number
  /** The key it first came with, and those that it must not come with again. */
  key: string
  revokedKeys: readonly string[]
  /** Of its gateway, for as long as edges know of it: also when the fleet does not name it any more. */
  url?: string
}

export type Rollout = {
  version: string
  from: string
  cluster: string
  step: 'lowering' | 'placing' | 'soaking' | 'rolling-back'
  sinceMs: number
  /** The picture's revision that the step waits for. */
  revision: number
  /** What the cluster had counted when the soak began. */
  base: OrderCounts
  /** What was wrong with the business before it: what was wrong already is not its doing. */
  alarms: readonly string[]
  /** The databases were lost or on their way during its soak. */
  isDisturbed?: boolean | undefined
  badSinceMs?: number | undefined
}

export type FleetMemory = {
  revision: number
  epoch: number
  /** Where each database that the fleet looks after has its primary. */
  homes: Partial<Readonly<Record<KeptDatabase, Home>>>
  /** Where CloudNativePG has them, where that looks after them. */
  topology?: Topology | undefined
  /** While that has been forgotten: where edges of the latest turn send what changes something. */
  writers?: readonly string[] | undefined
  /** What OCM's scheduler was told of each cluster, and when. */
  scores: Readonly<Record<string, { value: number; atMs: number }>>
  /** Where the shop's name leads, since when edges have said nothing, and when that was written last. */
  dns: {
    targets: readonly string[]
    goneSinceMs: Readonly<Record<string, number>>
    writtenMs: number
  }
  clusters: Readonly<Record<string, ClusterMemory>>
  rollout: Rollout | undefined
  /** The last version that was judged well everywhere. */
  goodVersion: string | undefined
  /** Versions that were rolled back, with the reason. They are not tried again. */
  bad: Readonly<Record<string, string>>
  /** The revision at which each was: another failure has another. */
  badAt?: Readonly<Record<string, number>>
  /** How far the databases have been migrated by the versions that ran. */
  schemas: Readonly<Record<string, SchemaNumbers>>
  /** Why the wanted version is not rolled out. */
  blocked: string | undefined
  /** How many clusters demand asks for, and since when fewer would do. */
  wanted: { count: number; lessSinceMs: number | undefined }
  timeline: readonly { atMs: number; text: string }[]
}

/** What is to be done on the hub. Each may be done twice without harm. */
export type Action =
  | { kind: 'approve'; request: string; cluster: string }
  | { kind: 'deny'; request: string; why: string }
  | { kind: 'accept'; cluster: string }
  | { kind: 'refuse'; cluster: string }
  | { kind: 'apply'; cluster: string; version: string; epoch: number }
  | { kind: 'reap'; cluster: string; keepsDatabases?: boolean }
  | { kind: 'tell-databases'; cluster: string; told: Told; version: string | undefined }
  | { kind: 'check-rights'; cluster: string }
  | { kind: 'taint'; cluster: string }
  | { kind: 'untaint'; cluster: string }
  | { kind: 'score'; cluster: string; value: number; validUntilMs: number }
  | { kind: 'name'; targets: readonly string[] }
  | { kind: 'keep'; cluster: string; database: KeptDatabase; want: Want }

export const freshMemory: FleetMemory = {
  ...{
    revision: 0,
    epoch: 1,
    homes: {},
    scores: {},
    dns: { targets: [], goneSinceMs: {}, writtenMs: 0 },
    clusters: {},
    rollout: undefined,
    goodVersion: undefined,
    bad: {},
  },
  ...{ schemas: {}, blocked: undefined, wanted: { count: 0, lessSinceMs: undefined }, timeline: [] },
}

export const freshCluster: ClusterMemory = {
  ...{ phase: 'out', sinceMs: 0, version: undefined, weight: 0, downSinceMs: undefined },
  ...{ key: '', revokedKeys: [] },
}
