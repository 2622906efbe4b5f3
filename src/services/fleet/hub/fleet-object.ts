import { keptDatabases } from '#kernel/database-turn'
import { isClusterName, isOrigin } from '#kernel/fleet-picture'
import type { Metadata } from '#ports/kubernetes'
import type { ClusterSpec, FleetMemory, FleetSpec, Maintenance, OperatorSpec } from '../decisions/model.ts'
import { freshMemory } from '../decisions/model.ts'
import type { Executor } from './work.ts'

/** fleet.octavo.example/v1 BookstoreFleet, as people write it. The definition checks its shape and fills in defaults. */
export type BookstoreFleet = {
  metadata: Metadata & { generation?: number }
  spec: {
    paused?: boolean
    dryRun?: boolean
    version: string
    clustersMin?: number
    /** Whose rights works have on the clusters. */
    executor?: Executor
    /** Where edges tell of themselves. */
    edges?: string[]
    clusters: FleetMember[]
    rollout?: Partial<RolloutText>
    /** A Placement of OCM's in the fleet's namespace, whose choice comes first where further work goes. */
    placement?: string
    /** The shop's name, kept by external-dns: its edges' public addresses, by where they tell of themselves. */
    dns?: { name: string; ttlSeconds?: number; edges: { url: string; address: string }[] }
    /** Where the primaries of the databases should be, and how soon another cluster takes over. */
    databases?: DatabasesText
  }
  status?: {
    memory?: FleetMemory
    picture?: unknown
    observedGeneration?: number
    message?: string
    plan?: string[]
    /** By cluster, why it is where it is. */
    why?: Record<string, string>
    /** What holds up more than one cluster, or could not be done. */
    troubles?: string[]
  }
}

type DatabasesText = {
  home?: string
  lostAfterSeconds?: number
  /** CloudNativePG looks after them: its two Cluster resources, called the same in each of these clusters. */
  cloudNativePg?: { namespace: string; orderDb: string; bookDb: string; clusters: string[] }
  /** The turn of which somebody has said that what only its primaries have may be lost; null takes it away. */
  acceptLossOf?: number | null | undefined
}

export type FleetMember = {
  name: string
  url: string
  ring?: number
  /** Where its store's own numbers are, such as a Prometheus' `/federate?…`; its gateway's `/metrics` when it is not told. */
  numbersUrl?: string
  ordersPerSecond?: number
  approvedBy?: string[]
  production?: boolean
  keySha256?: string
  intent?: 'serve' | 'drain' | 'revoke'
  /** When it is drained and gets nothing: RFC 3339, with the offset of its zone. */
  maintenance?: { from: string; until: string }[]
  /** Where `octavo keep-databases` listens, and the cluster's servers as the others reach them: host:port. */
  keeper?: { url: string; orderDb: string; bookDb: string }
}

type RolloutText = {
  canaryPercent: number
  soakSeconds: number
  ordersMin: number
  readyLimitSeconds: number
  failedPercentMax: number
  slowPercentMax: number
  again?: number
}

const usualRollout: RolloutText = {
  ...{ canaryPercent: 5, soakSeconds: 300, ordersMin: 100, readyLimitSeconds: 300 },
  ...{ failedPercentMax: 1, slowPercentMax: 10 },
}

const usualTtlSeconds = 30
/** A server that crashes is back before that. */
const usualLostSeconds = 5

/** @throws TypeError naming what cannot be meant */
export function readFleet({ spec }: BookstoreFleet): FleetSpec {
  const clusters = spec.clusters.map(readMember)
  if (new Set(clusters.map(({ name }) => name)).size < clusters.length)
    throw new TypeError('two clusters have one name')
  const { soakSeconds, readyLimitSeconds, ...limits } = { ...usualRollout, ...spec.rollout }
  return {
    ...{ paused: spec.paused ?? false, dryRun: spec.dryRun ?? false, version: spec.version, clusters },
    clustersMin: spec.clustersMin ?? 1,
    rollout: { ...limits, soakMs: soakSeconds * 1_000, readyLimitMs: readyLimitSeconds * 1_000 },
    placement: spec.placement ?? '',
    dns: spec.dns && { ttlSeconds: usualTtlSeconds, ...spec.dns },
    databases: spec.databases && {
      home: spec.databases.home ?? '',
      lostAfterMs: (spec.databases.lostAfterSeconds ?? usualLostSeconds) * 1_000,
      operator: readOperator(spec.databases),
      acceptLossOf: spec.databases.acceptLossOf ?? undefined,
    },
  }
}

/** What is followed all the same, and was probably not meant: refused, it would hold up revoking as well. */
export function mistakesIn({ spec }: BookstoreFleet): string[] {
  const { clusters, edges = [], dns, clustersMin = 1 } = spec
  const found = [...Map.groupBy(clusters, ({ url }) => originOf(url) ?? url)].flatMap(([url, members]) =>
    members.length > 1
      ? [`${members.map(({ name }) => name).join(' and ')} have one url, ${url}, and are judged as one`]
      : [],
  )
  for (const { url } of dns?.edges ?? [])
    if (!edges.includes(url)) found.push(`${url} of dns is none of edges, and is left out of ${dns?.name}`)
  if (clustersMin > clusters.length)
    found.push(`${clustersMin} clusters are wanted at least, and there are ${clusters.length}`)
  return found
}

export function readOperator(databases: DatabasesText | undefined): OperatorSpec | undefined {
  if (databases?.cloudNativePg === undefined) return undefined
  const { namespace, orderDb, bookDb, clusters } = databases.cloudNativePg
  return { namespace, names: { 'order-db': orderDb, 'book-db': bookDb }, clusters }
}

function readMember(member: FleetMember): ClusterSpec {
  const { name, ring = 0, ordersPerSecond = 100, approvedBy = [], production = true } = member
  if (!isClusterName(name)) throw new TypeError(`"${name}" is no name of a cluster`)
  const url = originOf(member.url)
  if (url === undefined)
    throw new TypeError(`the url of ${name} should be http://host:port or https://host:port`)
  return {
    ...{ name, url, ring, capacity: ordersPerSecond, approvedBy, isProduction: production },
    numbersUrl: member.numbersUrl ?? '',
    ...{ key: member.keySha256 ?? '', intent: member.intent ?? 'serve', keeper: readKeeper(member) },
    maintenance: (member.maintenance ?? []).map((each) => readMaintenance(name, each)),
  }
}

/** As edges go by it: `https://North.example.org:443` is `https://north.example.org`. */
function originOf(text: string): string | undefined {
  const url = URL.parse(text)
  const isOne = url !== null && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href
  return isOne ? url.origin : undefined
}

/** With a zone: a time without one would be another on each machine, and one hour of a year would be two. */
const momentPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/

/** @throws TypeError when it is no time in which anything could be maintained */
export function readMaintenance(name: string, { from, until }: { from: string; until: string }): Maintenance {
  const [fromMs, untilMs] = [from, until].map((text) =>
    momentPattern.test(text) ? Date.parse(text) : Number.NaN,
  ) as [number, number]
  if (!(fromMs < untilMs))
    throw new TypeError(
      `maintenance of ${name} should be from a time until a later one, such as 2030-01-31T01:00:00Z`,
    )
  return { fromMs, untilMs }
}

function readKeeper({ name, keeper }: FleetMember): ClusterSpec['keeper'] {
  if (keeper === undefined) return undefined
  const addresses = { 'order-db': keeper.orderDb, 'book-db': keeper.bookDb }
  if (!isOrigin(keeper.url)) throw new TypeError(`the keeper of ${name} should be http://host:port`)
  for (const each of keptDatabases)
    if (!/^[^\s/@:]+:\d+$|^\[[^\s/@]+\]:\d+$/.test(addresses[each]))
      throw new TypeError(`the server ${each} of ${name} should be host:port`)
  return { url: keeper.url, addresses }
}

/** What was remembered, with what later versions of this program have added to it. */
export const memoryOf = ({ status }: BookstoreFleet): FleetMemory => ({ ...freshMemory, ...status?.memory })
