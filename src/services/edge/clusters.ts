import { type BreakerState, onFailure, onSuccess, onTry } from '#kernel/circuit-breaker'
import { type FleetPicture, noPicture } from '#kernel/fleet-picture'
import { outliers, withSample } from '#kernel/latency-outliers'
import { freshBudget, leftOf, onRequest, type RetryBudget, spend } from '#kernel/retry-budget'
import type { Clock } from '#ports/clock'
import { closeGracefully, openPool } from '#ports/http'
import { logger } from '#ports/log'
import { chooseCluster, type Wanted } from './choose.ts'
import { type Attempt, type Cluster, moved, newCluster, probed, raisedFromNothing } from './cluster.ts'

/** The clusters behind an edge, and everything it knows of them. */
export type Clusters = AsyncDisposable & {
  readonly picture: FleetPicture
  all(): readonly Cluster[]
  /** Goes by another picture from now on. @returns false when it is of an earlier epoch and is not followed */
  follow(picture: FleetPicture): boolean
  /** Takes a request in, for the budget of those that may be sent a second time. */
  entered(): void
  choose(wanted: Wanted): Cluster | undefined
  /** Whether a request may go to another cluster because this one failed it; if so it counts against it. */
  mayReroute(from: Cluster): boolean
  budgetLeft(): number
  begin(cluster: Cluster, attempt: Omit<Attempt, 'sentMs' | 'isStream'>): Attempt
  /** Its answer has begun. @param isWell whether the cluster could do what was asked */
  answered(cluster: Cluster, attempt: Attempt, isWell: boolean): void
  failed(cluster: Cluster): void
  /** It refused a change of a later turn than it has heard of. @param epoch that one */
  isBehind(cluster: Cluster, epoch: number): void
  ended(cluster: Cluster, attempt: Attempt): void
  /** A probe came back. */
  probed(cluster: Cluster, answer: ProbeAnswer): void
}

/** @param failure what was wrong, undefined when it is ready; @param version that it says it is; @param epoch it goes by */
export type ProbeAnswer = { failure?: string; version?: string; epoch?: number }

const log = logger('edge')
/** A cluster has several gateways, and probes come to one of them: so many answers in a row have to agree. */
const versionsKept = 3
const connectionsMax = 512
const compareEveryMs = 1_000
/** Streams of a cluster that is taken out end within so long, not all at once: their readers come back at once. */
const handOverMs = 2_000
/** Nobody gets everything that was on its way to a cluster that has died: it bounds the work of the one who is left. */
const budget = { share: 0.2, reserve: 500, windowMs: 10_000 }

export function openClusters(clock: Clock, connections = connectionsMax): Clusters {
  const known = new Map<string, Cluster>()
  /** Those that are in no picture any more, and finish what they were sent. */
  const leaving = new Set<Cluster>()
  let picture: FleetPicture = noPicture
  let retries: RetryBudget = freshBudget
  const now = clock.monotonicMs
  const change = (cluster: Cluster, state: BreakerState) => {
    const before = cluster.breaker
    cluster.breaker = state
    if (state.kind === before.kind) return
    const about = { cluster: cluster.pictured.name, before: before.kind, now: state.kind }
    if (state.kind === 'open') cluster.counts.trips++
    // Where nobody else may be asked it is tried again and again.
    if (state.kind === 'open' && before.kind === 'closed')
      log.warn('a cluster is cut off', { ...about, reason: state.reason })
    else if (state.kind === 'closed') log.info('a cluster is not cut off any more', about)
  }
  const comparing = setInterval(() => compare([...known.values()]), compareEveryMs)
  comparing.unref()
  return {
    get picture() {
      return picture
    },
    all: () => [...known.values()],
    follow(next) {
      if (next.epoch < picture.epoch) return false
      const isLaterTurn = next.epoch > picture.epoch
      picture = next
      for (const each of follow(known, next, now(), connections)) leaving.add(each)
      if (isLaterTurn) abandonWrites([...known.values(), ...leaving], next)
      for (const each of leaving) if (each.attempts.size === 0) leaving.delete(each)
      passOn([...known.values()], next, now())
      return true
    },
    entered() {
      retries = onRequest(retries, now(), budget)
    },
    choose(wanted) {
      const cluster = chooseCluster([...known.values()], wanted, now(), clock.random)
      if (cluster !== undefined) change(cluster, onTry(cluster.breaker, now()))
      return cluster
    },
    mayReroute(from) {
      const left = spend(retries, now(), budget)
      if (left === undefined) return false
      retries = left
      from.counts.rerouted++
      return true
    },
    budgetLeft: () => leftOf(retries, now(), budget),
    begin(cluster, ends) {
      const attempt = { ...ends, sentMs: now(), isStream: false }
      cluster.attempts.add(attempt)
      cluster.counts.requests++
      return attempt
    },
    answered(cluster, attempt, isWell) {
      cluster.latency = withSample(cluster.latency, now() - attempt.sentMs)
      if (isWell) change(cluster, onSuccess(cluster.breaker, now()))
      else {
        cluster.counts.failed++
        change(cluster, onFailure(cluster.breaker, now()))
      }
    },
    failed(cluster) {
      cluster.counts.failed++
      change(cluster, onFailure(cluster.breaker, now()))
    },
    isBehind(cluster, epoch) {
      if (cluster.counts.behind++ === 0 || cluster.epoch !== epoch)
        log.warn('a cluster has not heard of the latest turn of the databases; changes go elsewhere', {
          ...{ cluster: cluster.pictured.name, epoch: picture.epoch, own: epoch },
        })
      cluster.epoch = epoch
    },
    ended: (cluster, attempt) => void cluster.attempts.delete(attempt),
    probed(cluster, { failure, version, epoch }) {
      cluster.isProbed = true
      if (version !== undefined) cluster.versions = [...cluster.versions, version].slice(-versionsKept)
      if (failure === undefined) cluster.epoch = epoch
      noteProbe(cluster, failure, now())
      passOn([...known.values()], picture, now())
    },
    async [Symbol.asyncDispose]() {
      clearInterval(comparing)
      await Promise.all([...known.values()].map(({ pool }) => pool.destroy()))
    },
  }
}

/**
 * Whoever stays keeps what is known of it; whoever leaves finishes what it has been sent.
 * @returns those who leave
 */
function follow(
  known: Map<string, Cluster>,
  { clusters }: FleetPicture,
  nowMs: number,
  connections: number,
): Cluster[] {
  const left = new Map(known)
  for (const pictured of clusters) {
    const before = known.get(pictured.name)
    if (before === undefined || before.pictured.url !== pictured.url) {
      const cluster = newCluster(pictured, openPool(pictured.url, connections), nowMs)
      if (before !== undefined) cluster.health = moved(nowMs)
      known.set(pictured.name, cluster)
      continue
    }
    left.delete(pictured.name)
    const { weight } = before.pictured
    before.pictured = pictured
    if (weight === 0 && pictured.weight > 0) before.health = raisedFromNothing(before.health, nowMs)
    if (weight > 0 && pictured.weight === 0) handOver(before)
  }
  for (const [name, cluster] of left) {
    if (known.get(name) === cluster) known.delete(name)
    handOver(cluster)
    closeGracefully(cluster.pool)
  }
  return [...left.values()]
}

/**
 * What a cluster answers to a change that it was sent in an earlier turn may be of databases that have been given up: nobody
 * is told that it was done. Whoever asks again, with the same key, learns it from where they are now.
 */
function abandonWrites(clusters: readonly Cluster[], { clusters: pictured }: FleetPicture): void {
  const takers = new Set(pictured.filter(({ takesWrites }) => takesWrites).map(({ name }) => name))
  for (const { pictured: own, attempts } of clusters) {
    if (takers.has(own.name)) continue
    for (const each of [...attempts]) if (each.isWrite) each.abandon('turn')
  }
}

/** Its readers' streams end a few at a time, and they connect again where traffic goes now. */
function handOver({ attempts }: Cluster): void {
  const streams = [...attempts].filter(({ isStream }) => isStream)
  streams.forEach((stream, i) => {
    setTimeout(stream.handOver, (handOverMs * i) / streams.length).unref()
  })
}

function noteProbe(cluster: Cluster, failure: string | undefined, nowMs: number): void {
  const before = cluster.health
  cluster.health = probed(before, failure, nowMs)
  if (cluster.health.kind === before.kind) return
  const { name } = cluster.pictured
  if (cluster.health.kind === 'up') {
    log.info('a cluster is up again', { cluster: name })
    return
  }
  cluster.counts.downs++
  log.warn('a cluster is down', { cluster: name, reason: failure })
}

/**
 * Whoever waits for a cluster that is down waits for nothing, once another can be asked. Until then they wait: one that is
 * only slow may answer after all, and nobody else will.
 */
function passOn(clusters: readonly Cluster[], { epoch }: FleetPicture, nowMs: number): void {
  for (const down of clusters.filter(({ health }) => health.kind === 'down')) {
    const another = (isWrite: boolean) =>
      chooseCluster(clusters, { isWrite, epoch, key: undefined, tried: [down] }, nowMs, () => 0) !== undefined
    const [reads, writes] = [another(false), another(true)]
    for (const attempt of [...down.attempts]) if (attempt.isWrite ? writes : reads) attempt.abandon('lost')
  }
}

function compare(clusters: readonly Cluster[]): void {
  const well = clusters.filter(({ health, pictured }) => health.kind === 'up' && pictured.weight > 0)
  const slow = new Set(
    outliers(
      well.map(({ latency }) => latency),
      0,
    ),
  )
  well.forEach((cluster, i) => {
    if (slow.has(i) !== cluster.isSlow)
      log.warn(slow.has(i) ? 'a cluster is far slower than the others' : 'a cluster is as fast again', {
        cluster: cluster.pictured.name,
        averageMs: Math.round(cluster.latency.averageMs),
      })
    cluster.isSlow = slow.has(i)
  })
}
